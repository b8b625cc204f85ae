// Scans live sockets for what they transferred: no event reports it. A round of scans reaches every socket
// once, and continues over several calls if one would take too long.
//
// Open files come first, of all processes of all namespaces at once. Sockets without a file (not accepted
// yet, or closed by their process) come afterwards, in the namespaces that have any and may be entered. A
// socket that ends soon does not justify that: such a scan reads all sockets of the namespace. The kernel may
// refuse either kind of iterator; the other one does what it can.
#pragma once

#include "bpf_iterator.h"
#include "socket_table.h"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

struct bpf_link;

// A file that leads to each network namespace, by the namespace's inode.
using NamespacePaths = std::unordered_map<uint32_t, std::string>;

class LiveScan {
  public:
    // `has_all_files`: the iterator over files reaches the files of all processes. A link is nullptr where
    // there is no such iterator. Links, table and `shared` must outlive this.
    LiveScan(struct bpf_link *files, struct bpf_link *sockets, const SocketTable &table,
             struct tp_shared *shared, bool has_all_files);

    bool hasIterators() const { return files_ != nullptr || sockets_ != nullptr; }
    // Continues the round, or begins one, until it ends or the calling thread has used about `budget_ns` of
    // processor time. True: the round is complete. Throws KernelError.
    bool scan(const NamespacePaths &namespaces, uint64_t budget_ns);
    // A whole round, which looks for all sockets without a file.
    void scanAll(const NamespacePaths &namespaces);
    // Scans the namespaces once, apart from any round, so that the programs adopt sockets without a record:
    // before `shared->seeded` is set. Any thread may call it, at any time. Throws KernelError.
    void adoptIn(const NamespacePaths &namespaces) const;
    // Ids of sockets that are gone though no event reported their end: rounds do not reach them any more.
    // Returns each once.
    std::vector<uint64_t> takeGone();

    // The kernel refused the iterator under way, late: it is not tried again. Returns the program's name, or
    // nullptr if there is none.
    const char *giveUp();

  private:
    enum class Step {
        Begin,
        Files,
        Find,
        Namespaces,
        SecondScan,
        End
    };

    void begin();
    bool isUnscanned(const struct tp_record &record) const;
    void dropScanned();
    // False: the budget is spent.
    bool readOn(uint64_t until_ns);
    void findUnscanned();
    void findNamespaces(const NamespacePaths &namespaces);
    bool openNextNamespace();
    bool beginSecondScan();
    void end();

    struct bpf_link *files_;
    struct bpf_link *sockets_;
    struct bpf_link *const adopting_; // as `sockets_`, for other threads: giveUp() leaves it alone
    const SocketTable &table_;
    struct tp_shared *shared_;
    const bool has_all_files_;
    Step step_ = Step::Begin;
    std::optional<BpfIterator> iterator_;
    uint64_t began_at_ns_ = 0;
    // A namespace to scan, and the file it is entered by; "": the thread's own.
    using Enterable = std::pair<uint32_t, std::string>;
    std::vector<Enterable> to_enter_;
    std::vector<Enterable> scanned_;
    bool is_thorough_ = false;
    bool is_second_scan_ = false;
    struct Unscanned {
        uint64_t id;
        uint32_t netns;
        uint8_t state;
    };
    std::vector<Unscanned> unscanned_;                         // not reached by this round, so far
    std::unordered_set<uint64_t> unscanned_before_;            // by id, in the last round's scan of files
    std::unordered_map<uint64_t, uint64_t> unreachable_since_; // by id, CLOCK_MONOTONIC
    std::vector<uint64_t> gone_;
};
