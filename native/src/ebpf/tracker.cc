#include "tracker.h"

#include "kernel_error.h"
#include "clocks.h"

#include <algorithm>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

// Sweeps are numbered 1 to this: a record has one byte for the number.
constexpr uint32_t MAX_SWEEP = 255;

// The most that any architecture's NR_CPUS can be set to.
constexpr size_t MAX_POSSIBLE_CPUS = 8192;

// Read at a time: whole rows, so that none is cut in two.
constexpr size_t HOLDERS_AT_ONCE_BYTES = 256 * TP_HOLDER_BYTES;

// A connect that has waited for so long is reported before it is decided. The kernel repeats the first SYN
// then.
constexpr uint64_t LONG_CONNECT_NS = 1'000'000'000;
// A bound on those: a port scan may have any number of them.
constexpr size_t MAX_WAITING = 4096;

constexpr const char *SWEEP_ADOPT = "sweep_adopt";
constexpr const char *SWEEP_HOLDERS = "sweep_holders";
constexpr const char *SCAN_NAMESPACE = "scan_namespace";

// The kernel refuses, now and later. Any other error may pass, or is a fault.
bool isRefusal(int error) {
    return error == EPERM || error == EACCES || error == EOPNOTSUPP;
}

} // namespace

Tracker::Tracker(const TrackerOptions &options)
    : table_({options.max_connections, options.max_connections_per_netns}),
      pid_namespace_(pidNamespaceOf(options.proc_root)), max_connections_(options.max_connections),
      scan_share_(options.scan_share), cheap_scan_ns_(options.cheap_scan_ns) {
    try {
        programs_ = std::make_unique<TrackerPrograms>(ProgramOptions{
            options.ring_bytes, options.max_connections, options.without, pid_namespace_.inode});
        void *shared = mmap(nullptr, sizeof(struct tp_shared), PROT_READ | PROT_WRITE, MAP_SHARED,
                            programs_->mapFd(".data"), 0);
        if (shared == MAP_FAILED)
            throw KernelError("map the BPF programs' global data", errno);
        shared_ = static_cast<struct tp_shared *>(shared);
        counters_fd_ = programs_->mapFd("counters");
        sockets_ = std::make_unique<SocketTable>(programs_->mapFd("words"), programs_->mapFd("records"),
                                                 programs_->mapEntries("words"), programs_->mapFd("overflow"),
                                                 shared_);
        live_scan_ =
            std::make_unique<LiveScan>(programs_->link("scan_files"), programs_->link(SCAN_NAMESPACE),
                                       *sockets_, shared_, pid_namespace_.has_all_files);
        can_adopt_by_files_ = programs_->link(SWEEP_ADOPT) != nullptr;
        can_sweep_holders_ = programs_->link(SWEEP_HOLDERS) != nullptr;
        startDraining();
    } catch (...) {
        close();
        throw;
    }
}

Tracker::~Tracker() {
    close();
}

void Tracker::startDraining() {
    int ring_fd = programs_->mapFd("ring");
    ring_ = std::make_unique<RingReader>(ring_fd, programs_->mapEntries("ring"));
    stop_fd_ = eventfd(0, EFD_CLOEXEC);
    epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
    if (stop_fd_ < 0 || epoll_fd_ < 0)
        throw KernelError("create the drain thread's descriptors", errno);
    struct epoll_event stop = {.events = EPOLLIN, .data = {.u64 = 0}};
    // Edge-triggered: only the kernel's wake-up counts. Level-triggered, records left in the ring would make
    // us spin.
    struct epoll_event ready = {.events = EPOLLIN | EPOLLET, .data = {.u64 = 1}};
    if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, stop_fd_, &stop) ||
        epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, ring_fd, &ready))
        throw KernelError("watch the ring buffer", errno);
    drainer_ = std::thread([this] { drainWhenWoken(); });
}

void Tracker::close() {
    std::lock_guard<std::mutex> closing(
        close_mutex_); // two closes at once: one joins, the other finds nothing left
    if (drainer_.joinable()) {
        uint64_t one = 1;
        // The eventfd's counter is 0: this write can't block, and if it failed the join would show it.
        [[maybe_unused]] ssize_t written = write(stop_fd_, &one, sizeof(one));
        drainer_.join();
    }
    std::lock_guard<std::mutex> no_sweep(sweep_mutex_);
    std::lock_guard<std::mutex> no_scan(scan_mutex_);
    std::lock_guard<std::mutex> lock(mutex_);
    live_scan_.reset();
    sockets_.reset();
    ring_.reset();
    if (shared_)
        munmap(shared_, sizeof(struct tp_shared));
    shared_ = nullptr;
    programs_.reset();
    for (int fd : {stop_fd_, epoll_fd_})
        if (fd >= 0)
            ::close(fd);
    stop_fd_ = epoll_fd_ = counters_fd_ = -1;
}

void Tracker::requireOpen() {
    if (!programs_)
        throw KernelError("use the tracker after it was closed", EBADF);
}

void Tracker::drain() {
    ring_->consume([this](const void *record, size_t bytes) {
        if (bytes == sizeof(struct tp_record))
            table_.apply(*static_cast<const struct tp_record *>(record));
    });
    sockets_->takeEnded([this](const struct tp_record &record) { table_.apply(record); });
}

void Tracker::drainWhenWoken() {
    for (;;) {
        struct epoll_event events[2];
        int ready = epoll_wait(epoll_fd_, events, 2, -1);
        if (ready < 0 && errno != EINTR)
            return;
        for (int i = 0; i < ready; i++)
            if (events[i].data.u64 == 0)
                return;
        std::lock_guard<std::mutex> lock(mutex_);
        try {
            drain();
        } catch (const KernelError &) {
            // The next snapshot meets the same error and reports it.
        }
    }
}

bool Tracker::isPermitted(const char *program, const std::function<void()> &run) {
    try {
        run();
        return true;
    } catch (const IteratorError &error) {
        if (!isRefusal(error.error()))
            throw;
        std::lock_guard<std::mutex> lock(mutex_);
        requireOpen();
        programs_->refuseLate(program, error.error());
        return false;
    }
}

void Tracker::adoptByFiles(bool is_next_sweep) {
    if (!can_adopt_by_files_)
        return;
    can_adopt_by_files_ = isPermitted(SWEEP_ADOPT, [this, is_next_sweep] {
        std::unique_lock<std::mutex> lock(mutex_);
        requireOpen();
        if (is_next_sweep)
            __atomic_store_n(&shared_->sweep, shared_->sweep % MAX_SWEEP + 1, __ATOMIC_SEQ_CST);
        table_.forgetUnsure();
        BpfIterator files(programs_->link(SWEEP_ADOPT), SWEEP_ADOPT);
        lock.unlock();
        uint64_t before = threadNanos();
        files.readAll(HOLDERS_AT_ONCE_BYTES, [](const char *, size_t) {});
        sweep_cpu_ns_ += threadNanos() - before;
    });
}

void Tracker::sweepAdopt(const NamespacePaths &namespaces) {
    std::lock_guard<std::mutex> one_half(sweep_mutex_);
    {
        std::lock_guard<std::mutex> lock(mutex_);
        requireOpen();
    }
    sweep_cpu_ns_ = 0;
    adoptByFiles(true);
    // Sockets without a file; all sockets where files can't be iterated.
    if (!shared_->seeded && can_adopt_in_namespaces_)
        can_adopt_in_namespaces_ =
            isPermitted(SCAN_NAMESPACE, [this, &namespaces] { live_scan_->adoptIn(namespaces); });
    // Subflows of MPTCP have no file of their own: they were adopted only just now.
    if (__atomic_exchange_n(&shared_->unknown_mptcp, 0, __ATOMIC_SEQ_CST) != 0)
        adoptByFiles(false);
    // Where iterators do not reach all processes, a socket without a record may be an older one.
    if (can_adopt_by_files_ && pid_namespace_.has_all_files)
        __atomic_store_n(&shared_->seeded, 1, __ATOMIC_SEQ_CST);
}

HolderTable Tracker::sweepHolders() {
    std::lock_guard<std::mutex> one_half(sweep_mutex_);
    HolderTable holders;
    uint64_t before = threadNanos();
    if (can_sweep_holders_)
        can_sweep_holders_ = isPermitted(SWEEP_HOLDERS, [this, &holders] {
            std::unique_lock<std::mutex> lock(mutex_);
            requireOpen();
            BpfIterator files(programs_->link(SWEEP_HOLDERS), SWEEP_HOLDERS);
            lock.unlock();
            files.readAll(HOLDERS_AT_ONCE_BYTES, [&holders](const char *data, size_t bytes) {
                for (size_t at = 0; at + TP_HOLDER_BYTES <= bytes; at += TP_HOLDER_BYTES)
                    holders.add(*reinterpret_cast<const struct tp_holder *>(data + at));
            });
        });
    holders.cpu_ns = sweep_cpu_ns_ + (threadNanos() - before);
    return holders;
}

uint64_t Tracker::counter(uint32_t which) {
    // The kernel writes a value for each possible CPU. Without /sys their number is unknown: have room for
    // the most.
    int possible = libbpf_num_possible_cpus();
    std::vector<uint64_t> per_cpu(possible > 0 ? static_cast<size_t>(possible) : MAX_POSSIBLE_CPUS);
    if (bpf_map_lookup_elem(counters_fd_, &which, per_cpu.data()))
        throw KernelError("read the BPF programs' counters", errno);
    uint64_t sum = 0;
    for (uint64_t value : per_cpu)
        sum += value;
    return sum;
}

// True: a round of scans has ended.
bool Tracker::scan(const SnapshotRequest &request, uint64_t now_ns) {
    double share_ns = static_cast<double>(now_ns - scanned_at_ns_) * scan_share_;
    uint64_t budget_ns = std::max<uint64_t>(cheap_scan_ns_, static_cast<uint64_t>(share_ns));
    scanned_at_ns_ = now_ns;
    for (;;) {
        try {
            if (request.may_defer_scan || !live_scan_->hasIterators())
                return live_scan_->scan(request.namespaces, budget_ns) && live_scan_->hasIterators();
            live_scan_->scanAll(request.namespaces);
            return true;
        } catch (const IteratorError &error) {
            const char *refused = isRefusal(error.error()) ? live_scan_->giveUp() : nullptr;
            if (refused == nullptr)
                throw;
            std::lock_guard<std::mutex> lock(mutex_);
            programs_->refuseLate(refused, error.error());
        }
    }
}

// Live sockets first, then those that ended: an end is applied after the reports of its life.
void Tracker::takeNews() {
    stored_ = sockets_->takeNews([this](const struct tp_record &record) { table_.apply(record); });
    stored_ += __atomic_load_n(&shared_->overflow, __ATOMIC_RELAXED);
    drain();
    // More may come between two snapshots: their records are small beside the sockets themselves.
    __atomic_store_n(&shared_->table_full, stored_ >= max_connections_, __ATOMIC_SEQ_CST);
}

// Connects that have waited for an answer for a second: their first SYN was in vain. Connects that no scan
// has reached yet have no port.
std::vector<struct tp_record> Tracker::waitingConnects(uint64_t now_ns) const {
    std::vector<struct tp_record> waiting;
    struct tp_record record;
    table_.forEachConnecting([&](uint64_t id) {
        if (waiting.size() < MAX_WAITING && sockets_->find(id, &record) && record.state == TCP_SYN_SENT &&
            record.local_port != 0 && record.start_ns + LONG_CONNECT_NS <= now_ns)
            waiting.push_back(record);
    });
    return waiting;
}

TrackerSnapshot Tracker::snapshot(const SnapshotRequest &request) {
    std::lock_guard<std::mutex> one_snapshot(scan_mutex_);
    TrackerSnapshot result;
    result.taken_at_ns = monotonicNanos();
    {
        std::lock_guard<std::mutex> lock(mutex_);
        requireOpen();
        programs_->requireAttached();
    }
    result.scanned = scan(request, result.taken_at_ns);
    std::lock_guard<std::mutex> lock(mutex_);
    result.refused = programs_->refusals().size();
    takeNews();
    uint64_t lost_in_ring = counter(TP_COUNT_LOST_RING);
    result.lost = lost_in_ring - lost_reported_;
    lost_reported_ = lost_in_ring;
    if (result.lost > 0)
        table_.closeUnseen([this](uint64_t id) { return sockets_->find(id); }, monotonicNanos());
    for (uint64_t gone : live_scan_->takeGone())
        if (sockets_->find(gone)) { // else it has ended meanwhile, with a record
            table_.closeUnseen(gone, monotonicNanos());
            sockets_->remove(gone);
        }
    struct tp_record record;
    for (uint64_t id : table_.overflowWithRoom())
        if (sockets_->find(id, &record))
            table_.apply(record);
    result.unsure = table_.isUnsure();
    takeRecords(result, request);
    return result;
}

// Several nodes may share one kernel, each in a PID namespace of its own. A socket is foreign, another
// node's, if its process has no PID in our PID namespace and none of our processes is in its network
// namespace. A subflow is decided with its connection, after both are joined.
void Tracker::takeRecords(TrackerSnapshot &snapshot, const SnapshotRequest &request) {
    const bool has_others = pid_namespace_.inode != 0;
    const bool has_moved = has_others && request.inhabited != own_namespaces_;
    if (has_moved)
        own_namespaces_ = request.inhabited;
    LiveTable::IsForeign is_foreign;
    if (has_others)
        is_foreign = [this](const struct tp_record &record) {
            return record.pid == 0 && !(record.flags & TP_FLAG_SUBFLOW) &&
                   !own_namespaces_.count(record.netns);
        };
    // A subflow's bytes are added to its connection, whose record need not have changed.
    const bool has_subflows = table_.hasSubflows() || !subflows_.isEmpty();
    snapshot.whole = !request.changes_only || !has_handed_ || has_moved || has_subflows;
    std::vector<struct tp_record> waiting = waitingConnects(snapshot.taken_at_ns);
    if (has_others)
        snapshot.foreign += std::erase_if(waiting, is_foreign);
    const size_t room = table_.takeable(snapshot.whole) + waiting.size();
    if (room > 0) {
        snapshot.room = room * TP_RECORD_BYTES;
        snapshot.records = static_cast<struct tp_record *>(malloc(snapshot.room));
        if (!snapshot.records)
            throw KernelError("allocate a snapshot", ENOMEM);
    }
    TakenRecords taken = table_.take(snapshot.records, snapshot.whole, is_foreign);
    has_handed_ = true;
    snapshot.foreign += taken.foreign;
    snapshot.gone = std::move(taken.gone);
    if (has_subflows)
        taken.count = subflows_.join(snapshot.records, taken.count);
    if (has_subflows && has_others) {
        auto isForeignSubflow = [this](const struct tp_record &record) {
            return record.pid == 0 && !own_namespaces_.count(record.netns);
        };
        struct tp_record *end = snapshot.records + taken.count;
        size_t left = std::remove_if(snapshot.records, end, isForeignSubflow) - snapshot.records;
        snapshot.foreign += taken.count - left;
        taken.count = left;
    }
    snapshot.count =
        std::copy(waiting.begin(), waiting.end(), snapshot.records + taken.count) - snapshot.records;
    snapshot.namespaces = table_.takeNamespaces();
    if (!has_others)
        return;
    for (auto &[netns, counts] : snapshot.namespaces)
        if (!own_namespaces_.count(netns)) {
            snapshot.foreign += counts.overflow.live + counts.overflow.closed + counts.overflow.failed;
            counts.overflow = {};
        }
}

TrackerCounters Tracker::counters() {
    std::lock_guard<std::mutex> lock(mutex_);
    requireOpen();
    TrackerCounters counters = {{}, table_.totals(), table_.liveCount(), stored_};
    for (uint32_t which = 0; which < TP_COUNTERS; which++)
        counters.programs[which] = counter(which);
    return counters;
}

std::vector<Refusal> Tracker::refusals() {
    std::lock_guard<std::mutex> lock(mutex_);
    requireOpen();
    return programs_->refusals();
}
