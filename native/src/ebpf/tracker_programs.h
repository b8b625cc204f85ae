// The tracker's BPF programs, loaded and attached as far as this kernel allows. Only the program on state
// changes is indispensable. Each other program may be refused by itself: only its own purpose is lost then.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

struct bpf_link;
struct bpf_object;

// Why a program is missing.
struct Refusal {
    std::string program; // as in tracker.bpf.c
    std::string section; // its attach point
    std::string step;    // "load", "attach", "start"; "off": not to be used
    int error;           // errno
    std::string detail;  // the verifier's last line, if any

    // In the kernel's words.
    std::string reason() const;
};

struct ProgramOptions {
    uint32_t ring_bytes;              // a power of two, at least one page
    uint32_t max_connections;         // sockets with a record
    std::vector<std::string> without; // programs not to be used
    uint32_t pid_namespace;           // inode of the one whose PIDs are reported; 0: the outermost
};

class TrackerPrograms {
  public:
    // Throws KernelError if even the program on state changes is refused.
    explicit TrackerPrograms(const ProgramOptions &options);
    ~TrackerPrograms();
    TrackerPrograms(const TrackerPrograms &) = delete;
    TrackerPrograms &operator=(const TrackerPrograms &) = delete;

    // nullptr when it is refused.
    struct bpf_link *link(const std::string &program) const;
    int mapFd(const char *name) const;
    uint32_t mapEntries(const char *name) const;
    const std::vector<Refusal> &refusals() const { return refusals_; }
    // The kernel refuses to run a program that it has loaded and attached.
    void refuseLate(const char *program, int error);
    // Throws if one is not attached any more: its descriptor was closed behind our back.
    void requireAttached() const;

  private:
    struct Attached {
        std::string program;
        struct bpf_link *link;
        uint32_t id;
    };

    struct bpf_object *open(const std::vector<std::string> &programs) const;
    struct bpf_object *load(const std::vector<std::string> &programs) const;
    std::vector<std::string> findLoadable(const std::vector<std::string> &wanted);
    void attach(const std::vector<std::string> &programs);
    void loadAgain();
    void destroy();

    ProgramOptions options_;
    struct bpf_object *object_ = nullptr;
    std::vector<Attached> attached_;
    std::vector<Refusal> refusals_;
};
