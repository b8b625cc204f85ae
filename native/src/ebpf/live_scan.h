// Scans live sockets for what they transferred: no event reports it. A round of scans reaches every socket
// once, and goes on over several calls where one would take too long.
//
// Open files come first, of all processes of all namespaces at once. Sockets without a file (not accepted
// yet, or left by their process) are found afterwards, in the namespaces that have any and may be entered. A
// socket that ends soon is not worth that: the scan reads all sockets of the namespace. The kernel may refuse
// either kind of iterator; the other one does what it can.
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

class LiveVisitor {
  public:
    // `has_all_files`: the iterator over files comes by those of all processes.
    // nullptr: there is no such iterator. Links, table and `shared` must outlive the visitor.
    LiveVisitor(struct bpf_link *files, struct bpf_link *sockets, const SocketTable &table,
                struct tp_shared *shared, bool has_all_files);

    bool hasIterators() const { return files_ != nullptr || sockets_ != nullptr; }
    // Goes on with the round, or begins one, until its end or until about so much of the calling thread's
    // processor time is used. True: the round is complete. Throws KernelError.
    bool visit(const NamespacePaths &namespaces, uint64_t budget_ns);
    // A round from its beginning to its end, which looks for all sockets without a file.
    void visitAll(const NamespacePaths &namespaces);
    // Goes through the namespaces once, apart from any round, for the programs to adopt what they do not
    // know: to be called before they are told that all is known. Any thread may, at any time. Throws
    // KernelError.
    void adoptIn(const NamespacePaths &namespaces) const;
    // Sockets that are gone though no event told of their end, by id: rounds should come by them and do not.
    // Handed out once.
    std::vector<uint64_t> takeGone();

    // The kernel said no to the iterator under way, late: it is not tried again. Returns the program's name,
    // or nullptr when there is none.
    const char *giveUp();

  private:
    enum class Step {
        Begin,
        Files,
        Find,
        Namespaces,
        SecondLook,
        End
    };

    void begin();
    bool isUnvisited(const struct tp_record &record) const;
    void dropVisited();
    // False: the budget is used up.
    bool readOn(uint64_t until_ns);
    void findUnvisited();
    void findNamespaces(const NamespacePaths &namespaces);
    bool openNextNamespace();
    bool lookAgain();
    void end();

    struct bpf_link *files_;
    struct bpf_link *sockets_;
    struct bpf_link *const adopting_; // another thread's: the same, whatever becomes of that one
    const SocketTable &table_;
    struct tp_shared *shared_;
    const bool has_all_files_;
    Step step_ = Step::Begin;
    std::optional<BpfIterator> iterator_;
    uint64_t began_at_ns_ = 0;
    // A namespace to go through, and the file it is entered by; "": the thread's own.
    using Enterable = std::pair<uint32_t, std::string>;
    std::vector<Enterable> to_enter_;
    std::vector<Enterable> visited_;
    bool is_thorough_ = false;
    bool is_second_look_ = false;
    struct Unvisited {
        uint64_t id;
        uint32_t netns;
        uint8_t state;
    };
    std::vector<Unvisited> unvisited_;                         // what this round did not come by, so far
    std::unordered_set<uint64_t> unvisited_before_;            // by id, in the last round, by files
    std::unordered_map<uint64_t, uint64_t> unreachable_since_; // by id, CLOCK_MONOTONIC
    std::vector<uint64_t> gone_;
};
