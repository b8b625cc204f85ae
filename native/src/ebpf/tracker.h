// The tracker's user-space half: loads and attaches the programs, drains the ring, hands out snapshots.
#pragma once

#include "holder_table.h"
#include "live_table.h"
#include "live_scan.h"
#include "procfs/pid_namespace.h"
#include "ring_reader.h"
#include "socket_table.h"
#include "subflows.h"
#include "tracker_programs.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

struct TrackerOptions {
    uint32_t ring_bytes; // a power of two, at least one page
    // Sockets in detail, live ones and those closed since the last snapshot; the kernel has records of as
    // many live ones.
    uint32_t max_connections;
    uint32_t max_connections_per_netns;
    // Processor time that the visits of a thrifty snapshot may take: this share of the time since the last
    // one, but at least so much.
    double visit_share;
    uint32_t cheap_visit_ns;
    std::string proc_root;            // whose PIDs are reported
    std::vector<std::string> without; // programs that are not wanted (tracker.bpf.c)
};

struct SnapshotRequest {
    bool thrifty = false;                   // visits to live sockets may be spread over several snapshots
    bool changes_only = false;              // live sockets are wanted that are new or changed only
    NamespacePaths namespaces;              // those that may have sockets without a file
    std::unordered_set<uint32_t> inhabited; // those of them that a process is in
};

struct TrackerSnapshot {
    struct tp_record *records = nullptr; // malloc'd: the caller frees; nullptr: none
    size_t room = 0;                     // bytes there
    size_t count = 0;
    uint64_t taken_at_ns = 0;
    bool whole = false;   // every live socket is among the records
    bool visited = false; // all live sockets were looked at; else what some of them transferred comes later
    uint64_t lost = 0;    // records lost since the last snapshot
    uint64_t foreign = 0; // sockets that are no business of this PID namespace: they have no record here
    size_t refused = 0;   // programs that are not there
    bool unsure = false;  // a sweep may find the process of a connection that is told as its listener's
    // Sockets that were handed over earlier, and are not there any more, without a closed record; of a
    // snapshot that is not whole.
    std::vector<uint64_t> gone;
    std::vector<std::pair<uint32_t, NamespaceCounts>> namespaces; // by inode, those with anything to tell
};

// What is told of since the tracker was made.
struct TrackerCounters {
    std::array<uint64_t, TP_COUNTERS> programs;
    SocketTotals sockets;
    size_t live;     // in detail
    uint64_t stored; // sockets that have a record in the kernel, as of the last snapshot
};

// All methods block and may be called from any thread. Snapshots exclude each other, the halves of a sweep
// do, and close excludes all. Failures throw KernelError.
class Tracker {
  public:
    explicit Tracker(const TrackerOptions &options);
    ~Tracker();
    Tracker(const Tracker &) = delete;
    Tracker &operator=(const Tracker &) = delete;

    // A sweep over all open files of all processes, in two halves; snapshots go on meanwhile. The first
    // adopts sockets that existed before and confirms which processes still hold theirs: the next snapshot
    // has them. The first time, sockets that no file belongs to are adopted as well, without a process, in
    // the namespaces that are given.
    void confirmHolders(const NamespacePaths &namespaces);
    // The second gives sockets whose process has left them to another holder, as of the last first half, and
    // returns who holds sockets that others use.
    HolderTable tellHolders();
    // Throws when the programs are not attached any more: the tracker is dead then and must be replaced.
    TrackerSnapshot snapshot(const SnapshotRequest &request);
    TrackerCounters counters();
    // Where PIDs are told.
    const PidNamespace &pidNamespace() const { return pid_namespace_; }
    // Programs that are not there, and why. More may come: a kernel can say no later.
    std::vector<Refusal> refusals();
    // Detaches and frees everything, waits for the drain thread. Later calls throw; a second close does
    // nothing.
    void close();

  private:
    void startDraining();
    void drain();
    void drainWhenWoken();
    // Runs an iterator; false when the kernel has just said that it never will.
    bool isPermitted(const char *program, const std::function<void()> &run);
    void confirmByFiles(bool is_next_sweep);
    bool visit(const SnapshotRequest &request, uint64_t now_ns);
    std::vector<struct tp_record> waitingConnects(uint64_t now_ns) const;
    void takeRecords(TrackerSnapshot &snapshot, const SnapshotRequest &request);
    void takeNews();
    uint64_t counter(uint32_t which);
    void requireOpen();

    std::mutex mutex_;
    std::mutex close_mutex_;
    // Taken before mutex_: one sweep at a time, one round of visits at a time, none while closing. The ring
    // is drained meanwhile.
    std::mutex sweep_mutex_;
    std::mutex visit_mutex_;
    LiveTable table_;
    Subflows subflows_;
    const PidNamespace pid_namespace_;
    std::unordered_set<uint32_t> own_namespaces_; // as of the last snapshot, where others are left out
    uint32_t max_connections_;
    double visit_share_;
    uint32_t cheap_visit_ns_;
    std::unique_ptr<TrackerPrograms> programs_;
    struct tp_shared *shared_ = nullptr;
    std::unique_ptr<SocketTable> sockets_;
    std::unique_ptr<LiveVisitor> visitor_;
    std::unique_ptr<RingReader> ring_;
    uint64_t sweep_cpu_ns_ = 0; // of the first half
    bool can_adopt_ = true;
    bool can_confirm_ = false;
    bool can_tell_ = false;
    uint64_t stored_ = 0;
    int counters_fd_ = -1;
    int stop_fd_ = -1;
    int epoll_fd_ = -1;
    uint64_t lost_reported_ = 0;
    bool has_handed_ = false; // there was a snapshot
    uint64_t visited_at_ns_ = 0;
    std::thread drainer_;
};
