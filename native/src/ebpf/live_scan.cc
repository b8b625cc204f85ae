#include "live_scan.h"

#include "kernel_error.h"
#include "clocks.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace {

constexpr const char *FILES = "scan_files";
constexpr const char *SOCKETS = "scan_namespace";
constexpr const char *OWN_NAMESPACE = "/proc/thread-self/ns/net";

// Sockets scanned between two readings of the clock. A program writes one byte per socket.
constexpr size_t SOCKETS_AT_ONCE = 512;

// The recorded time of a connect() or listen() is early by at most this: the programs read the clock once per
// tick. The time of a connection is exact.
constexpr uint64_t EARLY_NS = 10 * 1000000;

// The kernel keeps a connection that its process has closed for its last bytes and its FIN: as long as TCP
// tries (tcp_orphan_retries), or waits for the other end's FIN (tcp_fin_timeout). Both are minutes.
constexpr uint64_t LONGEST_CLOSING_NS = 15 * 60 * 1000000000ull;

// Scanning one namespace takes two milliseconds and more, as all namespaces share one hash table of sockets.
// Older sockets without a file are worth a second, not more.
constexpr size_t MOST_ADOPTED_IN = 512;

// The interval of rounds without iterators.
constexpr uint64_t BLIND_ROUND_NS = 60 * 1000000000ull;

// A connection without a file is closing. Where files are unknown, only these states show that.
bool isClosing(uint8_t state, bool has_no_file) {
    return state == TCP_LAST_ACK || state == TCP_CLOSING ||
           (has_no_file && (state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2));
}

uint32_t inodeOf(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 ? static_cast<uint32_t>(status.st_ino) : 0;
}

// The iterator over another namespace's sockets. None if the namespace may not be entered, or is gone. A
// thread makes it and ends: no other thread may enter a namespace.
std::optional<BpfIterator> iteratorIn(uint32_t inode, const std::string &path, struct bpf_link *link) {
    std::optional<BpfIterator> made;
    std::optional<IteratorError> refusal;
    auto enter = [&] {
        int netns = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (netns < 0)
            return;
        // The path's process may have left the namespace, or be another process by now.
        struct stat status;
        bool is_in = fstat(netns, &status) == 0 && static_cast<uint32_t>(status.st_ino) == inode &&
                     setns(netns, CLONE_NEWNET) == 0;
        close(netns);
        if (!is_in)
            return;
        try {
            made.emplace(link, SOCKETS);
        } catch (const IteratorError &error) {
            refusal = error;
        }
    };
    try {
        std::thread(enter).join();
    } catch (const std::system_error &) {
        return std::nullopt; // no thread: no namespace can be entered
    }
    if (refusal)
        throw *refusal;
    return made;
}

} // namespace

LiveScan::LiveScan(struct bpf_link *files, struct bpf_link *sockets, const SocketTable &table,
                   struct tp_shared *shared, bool has_all_files)
    : files_(files), sockets_(sockets), adopting_(sockets), table_(table), shared_(shared),
      has_all_files_(has_all_files) {}

const char *LiveScan::giveUp() {
    bool is_files = step_ == Step::Begin || step_ == Step::Files;
    struct bpf_link *&link = is_files ? files_ : sockets_;
    if (link == nullptr)
        return nullptr;
    link = nullptr;
    iterator_.reset();
    step_ = Step::Begin;
    return is_files ? FILES : SOCKETS;
}

void LiveScan::scanAll(const NamespacePaths &namespaces) {
    step_ = Step::Begin;
    is_thorough_ = true;
    try {
        scan(namespaces, UINT64_MAX);
    } catch (...) {
        is_thorough_ = false;
        throw;
    }
    is_thorough_ = false;
}

// Without iterators a round only looks for sockets that have been closing for too long.
bool LiveScan::scan(const NamespacePaths &namespaces, uint64_t budget_ns) {
    if (!hasIterators() && step_ == Step::Begin && monotonicNanos() - began_at_ns_ < BLIND_ROUND_NS)
        return false;
    uint64_t now = threadNanos();
    uint64_t until = budget_ns < UINT64_MAX - now ? now + budget_ns : UINT64_MAX;
    for (;;) {
        switch (step_) {
        case Step::Begin:
            begin();
            break;
        case Step::Files:
            if (!readOn(until))
                return false;
            step_ = Step::Find;
            break;
        case Step::Find:
            findUnscanned();
            findNamespaces(namespaces);
            step_ = Step::Namespaces;
            break;
        case Step::Namespaces:
            if (!readOn(until))
                return false;
            if (!openNextNamespace())
                step_ = Step::SecondScan;
            break;
        case Step::SecondScan:
            step_ = beginSecondScan() ? Step::Namespaces : Step::End;
            break;
        case Step::End:
            end();
            step_ = Step::Begin;
            return true;
        }
    }
}

void LiveScan::begin() {
    began_at_ns_ = monotonicNanos();
    uint32_t next = shared_->round + 1;
    __atomic_store_n(&shared_->round, next ? next : 1, __ATOMIC_SEQ_CST);
    to_enter_.clear();
    scanned_.clear();
    is_second_scan_ = false;
    iterator_.reset();
    if (files_ != nullptr)
        iterator_.emplace(files_, FILES);
    step_ = Step::Files;
}

bool LiveScan::readOn(uint64_t until_ns) {
    char scanned[SOCKETS_AT_ONCE];
    while (iterator_) {
        size_t count = iterator_->read(scanned, sizeof(scanned));
        if (count == 0)
            iterator_.reset();
        // A short read is the last. Read on to close it: an open iterator keeps its namespace alive.
        else if (count == sizeof(scanned) && threadNanos() >= until_ns)
            return false;
    }
    return true;
}

// A socket that began in this round may have come too late for it.
bool LiveScan::isUnscanned(const struct tp_record &record) const {
    uint64_t early_ns = record.flags & TP_FLAG_ESTABLISHED ? 0 : EARLY_NS;
    return record.scan_round != shared_->round && record.start_ns + early_ns < began_at_ns_;
}

// Reads all sockets once per round; later steps look at those found here only.
void LiveScan::findUnscanned() {
    unscanned_.clear();
    table_.forEachLive([this](const struct tp_record &record) {
        if (isUnscanned(record))
            unscanned_.push_back({record.socket_id, record.netns, record.state});
    });
}

// Drops the sockets that were reached since, or have ended.
void LiveScan::dropScanned() {
    std::erase_if(unscanned_, [this](Unscanned &one) {
        struct tp_record record;
        if (!table_.find(one.id, &record) || !isUnscanned(record))
            return true;
        one.state = record.state;
        return false;
    });
}

void LiveScan::findNamespaces(const NamespacePaths &namespaces) {
    if (sockets_ == nullptr)
        return;
    std::unordered_set<uint32_t> wanted;
    uint32_t own = inodeOf(OWN_NAMESPACE);
    if (files_ == nullptr) {
        wanted.insert(own);
        for (const auto &[inode, path] : namespaces)
            wanted.insert(inode);
    }
    std::unordered_set<uint64_t> without_file;
    for (const Unscanned &one : unscanned_) {
        without_file.insert(one.id);
        if (is_thorough_ || unscanned_before_.count(one.id))
            wanted.insert(one.netns);
    }
    unscanned_before_ = std::move(without_file);
    for (uint32_t inode : wanted) {
        auto path = namespaces.find(inode);
        if (inode == own)
            to_enter_.emplace_back(inode, "");
        else if (path != namespaces.end())
            to_enter_.emplace_back(inode, path->second);
    }
}

void LiveScan::adoptIn(const NamespacePaths &namespaces) const {
    if (adopting_ == nullptr)
        return;
    auto nothing = [](const char *, size_t) {};
    BpfIterator(adopting_, SOCKETS).readAll(SOCKETS_AT_ONCE, nothing);
    uint32_t own = inodeOf(OWN_NAMESPACE);
    size_t entered = 1;
    for (const auto &[inode, path] : namespaces) {
        // Where not all files are reached, any number of sockets may need this.
        if (inode == own || (has_all_files_ && entered >= MOST_ADOPTED_IN))
            continue;
        entered++;
        if (std::optional<BpfIterator> iterator = iteratorIn(inode, path, adopting_))
            iterator->readAll(SOCKETS_AT_ONCE, nothing);
    }
}

// False: none is left.
bool LiveScan::openNextNamespace() {
    while (!to_enter_.empty()) {
        Enterable next = to_enter_.back();
        to_enter_.pop_back();
        if (next.second.empty())
            iterator_.emplace(sockets_, SOCKETS);
        else
            iterator_ = iteratorIn(next.first, next.second, sockets_);
        if (!iterator_)
            continue;
        scanned_.push_back(next);
        return true;
    }
    return false;
}

// A socket that a scan of its own namespace did not reach is gone, or was just changing: a second scan
// decides. False: there are none, or this was the second.
bool LiveScan::beginSecondScan() {
    if (is_second_scan_ || scanned_.empty())
        return false;
    dropScanned();
    std::unordered_set<uint32_t> wanted;
    for (const Unscanned &one : unscanned_)
        wanted.insert(one.netns);
    for (const Enterable &scanned : std::exchange(scanned_, {}))
        if (wanted.count(scanned.first))
            to_enter_.push_back(scanned);
    is_second_scan_ = !to_enter_.empty();
    return is_second_scan_;
}

// In a namespace that can't be entered, sockets closed by their process are not scanned: they count as gone
// once the kernel itself has given up on them.
void LiveScan::end() {
    dropScanned();
    uint64_t now = monotonicNanos();
    std::unordered_set<uint32_t> scanned;
    if (is_second_scan_)
        for (const Enterable &one : scanned_)
            scanned.insert(one.first);
    std::unordered_map<uint64_t, uint64_t> unreachable;
    for (const Unscanned &one : unscanned_) {
        if (scanned.count(one.netns)) {
            gone_.push_back(one.id);
        } else if (isClosing(one.state, files_ != nullptr && has_all_files_)) {
            auto known = unreachable_since_.find(one.id);
            uint64_t since = known == unreachable_since_.end() ? now : known->second;
            if (now - since < LONGEST_CLOSING_NS)
                unreachable.emplace(one.id, since);
            else
                gone_.push_back(one.id);
        }
    }
    unreachable_since_ = std::move(unreachable);
}

std::vector<uint64_t> LiveScan::takeGone() {
    return std::exchange(gone_, {});
}
