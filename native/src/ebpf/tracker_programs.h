// The tracker's BPF programs: loaded and attached as far as this kernel allows. Only the state changes are
// indispensable; each of the others may be refused by itself, and what it was for is lost then.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

struct bpf_link;
struct bpf_object;

// Why a program is not there.
struct Refusal {
    std::string program; // as in tracker.bpf.c
    std::string section; // what it is attached to
    std::string step;    // "load", "attach", "start"; "off": it was not wanted
    int error;           // errno
    std::string detail;  // the verifier's last line, where it gave any

    // In the kernel's words.
    std::string reason() const;
};

struct ProgramOptions {
    uint32_t ring_bytes;              // a power of two, at least one page
    uint32_t max_connections;         // sockets that get a record
    std::vector<std::string> without; // programs that are not wanted
    uint32_t pid_namespace;           // inode of the one that PIDs are told in; 0: the outermost
};

class TrackerPrograms {
  public:
    // Throws KernelError when even the state changes can't be had.
    explicit TrackerPrograms(const ProgramOptions &options);
    ~TrackerPrograms();
    TrackerPrograms(const TrackerPrograms &) = delete;
    TrackerPrograms &operator=(const TrackerPrograms &) = delete;

    // nullptr when it is refused.
    struct bpf_link *link(const std::string &program) const;
    int mapFd(const char *name) const;
    uint32_t mapEntries(const char *name) const;
    const std::vector<Refusal> &refusals() const { return refusals_; }
    // A program that was loaded and attached, and that the kernel refuses all the same when it is to run.
    void refuseLate(const char *program, int error);
    // Throws when one of them is not attached any more: a descriptor was closed behind our back.
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
