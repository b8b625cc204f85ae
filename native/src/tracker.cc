#include "tracker.h"

#include "bpf_error.h"
#include "objects.h"

#include <algorithm>
#include <bit>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <string>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include <vector>

namespace {

// A visit to all live sockets reads several cache lines of each: half a microsecond. Where it is not cheap
// (TrackerOptions) it may take this share of a processor, and more when there are sockets that nobody was
// told of yet.
constexpr uint64_t IDLE_VISIT_SHARE = 500;
constexpr uint64_t VISIT_SHARE = 40;

// Passes over the live sockets in one snapshot when they do not fit into the ring at once.
constexpr int MAX_LIVE_PASSES = 64;
// A record and the ring's own header of 8 bytes.
constexpr uint32_t RING_RECORD_BYTES = TP_RECORD_BYTES + 8;
// Closed records that a CPU sends at most before it looks how full the ring is.
constexpr uint64_t MAX_RECORDS_PER_LOOK = 64;

// Sweeps are numbered 1 to this: a record has one byte for the number.
constexpr uint32_t MAX_SWEEP = 255;

// The most that any architecture's NR_CPUS can be set to.
constexpr size_t MAX_POSSIBLE_CPUS = 8192;

// Memory for a snapshot that the last one left is used again unless it is far too large: memory of its own
// each time would have the garbage collector look for more of it every few seconds.
constexpr size_t KEPT_BYTES = 1 << 20;
constexpr size_t MAX_SLACK = 8;

bool isFitting(size_t room, size_t wanted) {
    return wanted <= room && (room <= KEPT_BYTES || room / MAX_SLACK <= wanted);
}

// What an iterator is read by: whole holders, so that none is cut in two.
constexpr size_t ITERATOR_READ_BYTES = 256 * TP_HOLDER_BYTES;

uint64_t monotonicNanos() {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000ull + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t threadNanos() {
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<uint64_t>(used.tv_sec) * 1000000000ull + static_cast<uint64_t>(used.tv_nsec);
}

struct bpf_program *programNamed(struct bpf_object *object, const char *name) {
    struct bpf_program *program = bpf_object__find_program_by_name(object, name);
    if (!program)
        throw BpfError(std::string("find BPF program ") + name, ENOENT);
    return program;
}

struct bpf_link *attached(struct bpf_link *link, const char *name) {
    if (!link)
        throw BpfError(std::string("attach BPF program ") + name, errno);
    return link;
}

// 0 when the descriptor is not a BPF link's (any more).
uint32_t linkId(struct bpf_link *link) {
    struct bpf_link_info info = {};
    uint32_t size = sizeof(info);
    return bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size) ? 0 : info.id;
}

// A descriptor that is closed with its scope.
struct Descriptor {
    int fd;
    explicit Descriptor(int fd) : fd(fd) {}
    ~Descriptor() {
        if (fd >= 0)
            ::close(fd);
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
};

// The map of a global-data section, by the section's own name, and what it is to begin with. That memory is
// libbpf's own copy: what is written to it after the object was loaded, the kernel never sees.
struct Section {
    struct bpf_map *map;
    void *initial;
};

Section sectionNamed(struct bpf_object *object, const char *section, size_t wanted) {
    struct bpf_map *map = bpf_object__find_map_by_name(object, section);
    size_t size = 0;
    void *initial = map ? const_cast<void *>(bpf_map__initial_value(map, &size)) : nullptr;
    if (!initial || size < wanted)
        throw BpfError(std::string("find BPF data section ") + section, ENOENT);
    return {map, initial};
}

} // namespace

Tracker::Tracker(const TrackerOptions &options)
    : table_({options.max_connections, options.max_connections_per_netns}),
      max_connections_(options.max_connections), cheap_visit_ns_(options.cheap_visit_ns) {
    try {
        load(options);
    } catch (...) {
        close();
        throw;
    }
}

Tracker::~Tracker() {
    close();
}

void Tracker::load(const TrackerOptions &options) {
    LibbpfLog log;
    LIBBPF_OPTS(bpf_object_open_opts, open_options);
    open_options.object_name = "topoprobe";
    object_ = bpf_object__open_mem(
        topoprobe_tracker_object,
        static_cast<size_t>(topoprobe_tracker_object_end - topoprobe_tracker_object), &open_options);
    if (!object_)
        throw BpfError("open the embedded BPF object", errno);

    setWakeUps(options.ring_bytes);
    struct bpf_map *ring_map = bpf_object__find_map_by_name(object_, "ring");
    if (!ring_map || bpf_map__set_max_entries(ring_map, options.ring_bytes))
        throw BpfError("size the ring buffer", EINVAL);
    if (int error = bpf_object__load(object_)) {
        std::string why = log.lastWarning();
        throw BpfError("load the tracker's BPF programs" + (why.empty() ? "" : " (" + why + ")"), -error);
    }
    struct bpf_map *data = sectionNamed(object_, ".data", sizeof(struct tp_shared)).map;
    void *shared =
        mmap(nullptr, sizeof(struct tp_shared), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(data), 0);
    if (shared == MAP_FAILED)
        throw BpfError("map the BPF programs' global data", errno);
    shared_ = static_cast<struct tp_shared *>(shared);
    counters_fd_ = bpf_object__find_map_fd_by_name(object_, "counters");

    ring_ = std::make_unique<RingReader>(bpf_map__fd(ring_map), bpf_map__max_entries(ring_map));
    stop_fd_ = eventfd(0, EFD_CLOEXEC);
    epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
    if (stop_fd_ < 0 || epoll_fd_ < 0)
        throw BpfError("create the drain thread's descriptors", errno);
    struct epoll_event stop = {.events = EPOLLIN, .data = {.u64 = 0}};
    // Edge-triggered: the kernel's wake-up counts, not whether something lies in the ring; else we would
    // spin.
    struct epoll_event ready = {.events = EPOLLIN | EPOLLET, .data = {.u64 = 1}};
    if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, stop_fd_, &stop) ||
        epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, bpf_map__fd(ring_map), &ready))
        throw BpfError("watch the ring buffer", errno);

    union bpf_iter_link_info info = {};
    info.map.map_fd = static_cast<uint32_t>(bpf_object__find_map_fd_by_name(object_, "sockets"));
    LIBBPF_OPTS(bpf_iter_attach_opts, live_options);
    live_options.link_info = &info;
    live_options.link_info_len = sizeof(info);
    live_link_ =
        attached(bpf_program__attach_iter(programNamed(object_, "emit_live"), &live_options), "emit_live");
    confirm_link_ =
        attached(bpf_program__attach(programNamed(object_, "confirm_holders")), "confirm_holders");
    tell_link_ = attached(bpf_program__attach(programNamed(object_, "tell_holders")), "tell_holders");
    read_link_ = attached(bpf_program__attach(programNamed(object_, "on_read")), "on_read");
    destroy_link_ = attached(bpf_program__attach(programNamed(object_, "on_destroy")), "on_destroy");
    state_link_ = attached(bpf_program__attach(programNamed(object_, "on_tcp_state")), "on_tcp_state");

    for (size_t i = 0; i < link_ids_.size(); i++)
        link_ids_[i] = linkId(*links()[i]);

    drainer_ = std::thread([this] { drainWhenWoken(); });
}

// See the programs' .rodata. No CPU puts more than an eighth of its share of the ring in without looking.
void Tracker::setWakeUps(uint32_t ring_bytes) {
    auto *wake = static_cast<uint64_t *>(sectionNamed(object_, ".rodata", 2 * sizeof(uint64_t)).initial);
    uint64_t share = ring_bytes / 8 / RING_RECORD_BYTES / static_cast<uint64_t>(std::max(1, get_nprocs()));
    wake[0] = ring_bytes / 4;
    wake[1] = std::bit_floor(std::clamp<uint64_t>(share, 1, MAX_RECORDS_PER_LOOK)) - 1;
}

std::array<struct bpf_link **, Tracker::LINKS> Tracker::links() {
    return {&state_link_, &destroy_link_, &read_link_, &confirm_link_, &tell_link_, &live_link_};
}

// A descriptor that was closed behind our back may since have become something else: the id tells.
void Tracker::requireAttached() {
    for (size_t i = 0; i < link_ids_.size(); i++)
        if (linkId(*links()[i]) != link_ids_[i])
            throw BpfError("watch TCP sockets: a BPF program was detached from outside", ENOLINK);
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
    std::lock_guard<std::mutex> lock(mutex_);
    for (struct bpf_link **link : links()) {
        bpf_link__destroy(*link);
        *link = nullptr;
    }
    ring_.reset();
    if (shared_)
        munmap(shared_, sizeof(struct tp_shared));
    shared_ = nullptr;
    bpf_object__close(object_);
    for (int fd : {stop_fd_, epoll_fd_})
        if (fd >= 0)
            ::close(fd);
    object_ = nullptr;
    stop_fd_ = epoll_fd_ = counters_fd_ = -1;
}

void Tracker::requireOpen() {
    if (!object_)
        throw BpfError("use the tracker after it was closed", EBADF);
}

void Tracker::drain() {
    ring_->consume([this](const void *record, size_t bytes) {
        if (bytes == sizeof(struct tp_record))
            table_.apply(*static_cast<const struct tp_record *>(record));
    });
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
        } catch (const BpfError &) {
            // The next snapshot meets the same, and tells.
        }
    }
}

int Tracker::startIterator(struct bpf_link *link, const char *what) {
    int fd = bpf_iter_create(bpf_link__fd(link));
    if (fd < 0)
        throw BpfError(std::string("start iterator ") + what, errno);
    return fd;
}

void Tracker::readIterator(int fd, const char *what, const Output &output) {
    alignas(8) char buffer[ITERATOR_READ_BYTES];
    for (;;) {
        ssize_t got = read(fd, buffer, sizeof(buffer));
        if (got == 0)
            return;
        if (got > 0 && output)
            output(buffer, static_cast<size_t>(got));
        // EAGAIN: the kernel pauses after a million objects without output.
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            throw BpfError(std::string("read iterator ") + what, errno);
    }
}

void Tracker::confirmHolders() {
    std::lock_guard<std::mutex> one_half(sweep_mutex_);
    Descriptor files(-1);
    {
        std::lock_guard<std::mutex> lock(mutex_);
        requireOpen();
        __atomic_store_n(&shared_->sweep, shared_->sweep % MAX_SWEEP + 1, __ATOMIC_SEQ_CST);
        files.fd = startIterator(confirm_link_, "confirm_holders");
    }
    readIterator(files.fd, "confirm_holders");
    std::lock_guard<std::mutex> lock(mutex_);
    visit_now_ = true;
}

HolderTable Tracker::tellHolders() {
    std::lock_guard<std::mutex> one_half(sweep_mutex_);
    Descriptor files(-1);
    {
        std::lock_guard<std::mutex> lock(mutex_);
        requireOpen();
        files.fd = startIterator(tell_link_, "tell_holders");
    }
    HolderTable holders;
    readIterator(files.fd, "tell_holders", [&holders](const char *data, size_t bytes) {
        for (size_t at = 0; at + TP_HOLDER_BYTES <= bytes; at += TP_HOLDER_BYTES)
            holders.add(*reinterpret_cast<const struct tp_holder *>(data + at));
    });
    std::lock_guard<std::mutex> lock(mutex_);
    visit_now_ = true;
    return holders;
}

uint64_t Tracker::counter(uint32_t which) {
    // The kernel writes a value for each possible CPU. Where /sys does not tell how many there are, there is
    // room for all.
    int possible = libbpf_num_possible_cpus();
    std::vector<uint64_t> per_cpu(possible > 0 ? static_cast<size_t>(possible) : MAX_POSSIBLE_CPUS);
    if (bpf_map_lookup_elem(counters_fd_, &which, per_cpu.data()))
        return 0;
    uint64_t sum = 0;
    for (uint64_t value : per_cpu)
        sum += value;
    return sum;
}

uint64_t Tracker::openedCount() {
    return counter(TP_COUNT_OPENED_ACTIVE) + counter(TP_COUNT_OPENED_PASSIVE);
}

void Tracker::sendAllAgain() {
    uint32_t next = shared_->epoch + 1;
    __atomic_store_n(&shared_->epoch, next ? next : 1, __ATOMIC_SEQ_CST);
}

void Tracker::emitLive() {
    for (int pass = 0; pass < MAX_LIVE_PASSES; pass++) {
        uint64_t deferred = counter(TP_COUNT_DEFERRED_RING);
        shared_->stored = 0;
        shared_->live = 0;
        uint64_t before = threadNanos();
        Descriptor live(startIterator(live_link_, "emit_live"));
        readIterator(live.fd, "emit_live");
        visit_cost_ns_ = threadNanos() - before;
        drain();
        if (counter(TP_COUNT_DEFERRED_RING) == deferred)
            return;
    }
}

void Tracker::resync() {
    table_.beginResync();
    sendAllAgain();
    visitLive();
    table_.endResync(monotonicNanos());
}

// Between two snapshots more may come: what they need is little beside the sockets themselves.
void Tracker::boundStorage() {
    stored_ = shared_->stored;
    __atomic_store_n(&shared_->storage_full, stored_ >= max_connections_, __ATOMIC_SEQ_CST);
}

bool Tracker::isVisitDue(const SnapshotRequest &request, uint64_t now_ns) {
    if (!request.thrifty || visit_now_ || visit_cost_ns_ < cheap_visit_ns_)
        return true;
    uint64_t opened = openedCount() - opened_at_visit_;
    bool has_unseen = opened > table_.endedUnseen() - ended_unseen_at_visit_;
    uint64_t share = has_unseen ? VISIT_SHARE : IDLE_VISIT_SHARE;
    return now_ns - visited_at_ns_ >= visit_cost_ns_ * share;
}

void Tracker::visitLive() {
    visit_now_ = false;
    visited_at_ns_ = monotonicNanos();
    opened_at_visit_ = openedCount();
    emitLive();
    ended_unseen_at_visit_ = table_.endedUnseen();
    boundStorage();
}

TrackerSnapshot Tracker::snapshot(const SnapshotRequest &request) {
    std::lock_guard<std::mutex> lock(mutex_);
    requireOpen();
    requireAttached();
    TrackerSnapshot result = {nullptr, 0, 0, monotonicNanos(), false, false, true, 0, {}};
    drain();
    uint64_t lost_in_ring = counter(TP_COUNT_LOST_RING);
    bool lost = lost_in_ring != lost_resynced_;
    if (!lost && table_.hasRoomForOthers()) {
        sendAllAgain();
        visit_now_ = true;
    }
    result.visited = lost || isVisitDue(request, result.taken_at_ns);
    if (!lost && result.visited)
        visitLive();
    // More live sockets known than there are: some ended without a word.
    if (lost || (result.visited && table_.knownLive() > shared_->live)) {
        lost_resynced_ = lost_in_ring;
        resync();
    }

    result.lost = lost_in_ring - lost_reported_;
    lost_reported_ = lost_in_ring;
    result.same_sockets = table_.hasSameSockets();
    result.unchanged = request.may_be_unchanged && table_.isUnchanged();
    if (result.unchanged) {
        result.namespaces = table_.takeNamespaces();
        return result;
    }
    result.count = table_.recordCount();
    size_t wanted = result.count * TP_RECORD_BYTES;
    if (request.memory && isFitting(request.room, wanted)) {
        result.records = request.memory;
        result.room = request.room;
    } else {
        result.room = TP_RECORD_BYTES + wanted + wanted / 4; // more are likely next time
        result.records = static_cast<struct tp_record *>(malloc(result.room));
        if (!result.records)
            throw BpfError("allocate a snapshot", ENOMEM);
    }
    table_.take(result.records);
    result.namespaces = table_.takeNamespaces();
    return result;
}

std::array<uint64_t, TP_COUNTERS> Tracker::counters() {
    std::lock_guard<std::mutex> lock(mutex_);
    requireOpen();
    std::array<uint64_t, TP_COUNTERS> values;
    for (uint32_t which = 0; which < TP_COUNTERS; which++)
        values[which] = counter(which);
    return values;
}

uint64_t Tracker::storedCount() {
    std::lock_guard<std::mutex> lock(mutex_);
    return stored_;
}

size_t Tracker::liveCount() {
    std::lock_guard<std::mutex> lock(mutex_);
    return table_.liveCount();
}
