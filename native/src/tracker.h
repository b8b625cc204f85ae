// The tracker's user-space half: loads and attaches the programs, drains the ring, hands out snapshots.
#pragma once

#include "holder_table.h"
#include "live_table.h"
#include "ring_reader.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

struct bpf_object;
struct bpf_link;
struct bpf_map;

struct TrackerOptions {
    uint32_t ring_bytes; // a power of two, at least one page
    // Sockets in detail, live ones and those closed since the last snapshot; the kernel stores records of as
    // many live ones.
    uint32_t max_connections;
    uint32_t max_connections_per_netns;
    uint32_t cheap_visit_ns; // a visit to all live sockets that costs less is never put off
};

struct SnapshotRequest {
    bool thrifty = false;               // a visit to all live sockets may be put off when it is expensive
    bool may_be_unchanged = false;      // no records are wanted when they are those of the last snapshot
    struct tp_record *memory = nullptr; // the caller's: to be used for the records if they fit
    size_t room = 0;                    // bytes of it
};

struct TrackerSnapshot {
    struct tp_record *records; // the memory of the request, or malloc'd: then the caller frees
    size_t room;               // bytes there
    size_t count;
    uint64_t taken_at_ns;
    bool unchanged;    // the records, which are not here, are those of the last snapshot
    bool same_sockets; // the records are of the last snapshot's sockets, at the same places: only counters
                       // differ
    bool visited;      // all live sockets were looked at; else what is new of them comes later
    uint64_t lost;     // records lost since the last snapshot
    std::vector<std::pair<uint32_t, NamespaceCounts>> namespaces; // by inode, those with anything to tell
};

// All methods block and may be called from any thread; they exclude each other, but for the halves of a
// sweep, which only exclude each other and close. Failures throw BpfError.
class Tracker {
  public:
    explicit Tracker(const TrackerOptions &options);
    ~Tracker();
    Tracker(const Tracker &) = delete;
    Tracker &operator=(const Tracker &) = delete;

    // A sweep over all open files of all processes, in two halves; snapshots go on meanwhile. The first
    // adopts sockets that existed before and confirms which processes still hold theirs: the next snapshot
    // has them.
    void confirmHolders();
    // The second gives sockets whose process has left them to another holder, as of the last first half, and
    // returns who holds sockets that others use.
    HolderTable tellHolders();
    // Throws when the programs are not attached any more: the tracker is dead then and must be replaced.
    TrackerSnapshot snapshot(const SnapshotRequest &request);
    std::array<uint64_t, TP_COUNTERS> counters();
    size_t liveCount();
    // Sockets that have a record in the kernel, as of the last snapshot.
    uint64_t storedCount();
    // Detaches and frees everything, waits for the drain thread. Later calls throw; a second close does
    // nothing.
    void close();

  private:
    static constexpr size_t LINKS = 6;

    void load(const TrackerOptions &options);
    void setWakeUps(uint32_t ring_bytes);
    void drain();
    void drainWhenWoken();
    void sendAllAgain();
    bool isVisitDue(const SnapshotRequest &request, uint64_t now_ns);
    void visitLive();
    void emitLive();
    void resync();
    void boundStorage();
    // Takes what an iterator writes.
    using Output = std::function<void(const char *data, size_t bytes)>;
    static int startIterator(struct bpf_link *link, const char *what);
    static void readIterator(int fd, const char *what, const Output &output = nullptr);
    uint64_t counter(uint32_t which);
    uint64_t openedCount();
    void requireOpen();
    void requireAttached();
    std::array<struct bpf_link **, LINKS> links();

    std::mutex mutex_;
    std::mutex close_mutex_;
    std::mutex sweep_mutex_; // taken before mutex_: one sweep at a time, none while closing
    LiveTable table_;
    struct bpf_object *object_ = nullptr;
    struct bpf_link *state_link_ = nullptr;
    struct bpf_link *destroy_link_ = nullptr;
    struct bpf_link *read_link_ = nullptr;
    struct bpf_link *live_link_ = nullptr;
    struct bpf_link *confirm_link_ = nullptr;
    struct bpf_link *tell_link_ = nullptr;
    std::array<uint32_t, LINKS> link_ids_ = {};
    std::unique_ptr<RingReader> ring_;
    struct tp_shared *shared_ = nullptr;
    uint32_t max_connections_;
    uint32_t cheap_visit_ns_;
    uint64_t stored_ = 0;
    int counters_fd_ = -1;
    int stop_fd_ = -1;
    int epoll_fd_ = -1;
    uint64_t lost_reported_ = 0;
    uint64_t lost_resynced_ = 0;
    bool visit_now_ = true; // something is known to be new
    uint64_t visited_at_ns_ = 0;
    uint64_t visit_cost_ns_ = 0; // processor time of one pass
    uint64_t opened_at_visit_ = 0;
    uint64_t ended_unseen_at_visit_ = 0;
    std::thread drainer_;
};
