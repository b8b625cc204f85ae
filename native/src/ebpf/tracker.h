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
    // Sockets with a record, live and closed since the last snapshot. The kernel keeps records of as many
    // live sockets.
    uint32_t max_connections;
    uint32_t max_connections_per_netns;
    // Processor time of the scan, for a snapshot that may defer it: this share of the time since the last
    // snapshot, but at least `cheap_scan_ns`.
    double scan_share;
    uint32_t cheap_scan_ns;
    std::string proc_root;            // whose PIDs are reported
    std::vector<std::string> without; // programs not to be used (tracker.bpf.c)
};

struct SnapshotRequest {
    bool may_defer_scan = false;            // the scan may go on in later snapshots
    bool changes_only = false;              // only live sockets that are new or changed
    NamespacePaths namespaces;              // entered for sockets without a file
    std::unordered_set<uint32_t> inhabited; // those of them with a process
};

struct TrackerSnapshot {
    struct tp_record *records = nullptr; // malloc'd: the caller frees; nullptr: none
    size_t room = 0;                     // bytes there
    size_t count = 0;
    uint64_t taken_at_ns = 0;
    bool whole = false;   // every live socket is among the records
    bool scanned = false; // a round of scans has ended; else some counters come with a later snapshot
    uint64_t lost = 0;    // records lost since the last snapshot
    uint64_t foreign = 0; // sockets of other PID namespaces, without a record here
    size_t refused = 0;   // programs that are missing
    bool unsure = false;  // a sweep may find another process than the listener's for a connection
    // Sockets that were handed over earlier and are gone without a closed record; empty if `whole`.
    std::vector<uint64_t> gone;
    std::vector<std::pair<uint32_t, NamespaceCounts>> namespaces; // by inode, those with counts
};

// Totals since the tracker was made.
struct TrackerCounters {
    std::array<uint64_t, TP_COUNTERS> programs;
    SocketTotals sockets;
    size_t live;     // with a record
    uint64_t stored; // sockets with a record in the kernel, as of the last snapshot
};

// All methods block and may be called from any thread. Snapshots exclude each other, as do the halves of a
// sweep. Close excludes all. Failures throw KernelError.
class Tracker {
  public:
    explicit Tracker(const TrackerOptions &options);
    ~Tracker();
    Tracker(const Tracker &) = delete;
    Tracker &operator=(const Tracker &) = delete;

    // The first half of a sweep over all open files of all processes; snapshots go on meanwhile. It adopts
    // sockets that existed before, for the next snapshot, and confirms which processes still hold theirs. The
    // first sweep also adopts sockets without a file, and without a process, in the given namespaces.
    void sweepAdopt(const NamespacePaths &namespaces);
    // The second half: moves each socket whose process the first half did not confirm to another fd holder,
    // and returns the further fd holders of all sockets.
    HolderTable sweepHolders();
    // Throws when the programs are not attached any more: the tracker is dead then and must be replaced.
    TrackerSnapshot snapshot(const SnapshotRequest &request);
    TrackerCounters counters();
    // The namespace whose PIDs are reported.
    const PidNamespace &pidNamespace() const { return pid_namespace_; }
    // Missing programs, and why. The kernel may refuse more later.
    std::vector<Refusal> refusals();
    // Detaches and frees everything; waits for the drain thread. Later calls throw, but a second close does
    // nothing.
    void close();

  private:
    void startDraining();
    void drain();
    void drainWhenWoken();
    // Runs an iterator. False: the kernel refuses it for good.
    bool isPermitted(const char *program, const std::function<void()> &run);
    void adoptByFiles(bool is_next_sweep);
    bool scan(const SnapshotRequest &request, uint64_t now_ns);
    std::vector<struct tp_record> waitingConnects(uint64_t now_ns) const;
    void takeRecords(TrackerSnapshot &snapshot, const SnapshotRequest &request);
    void takeNews();
    uint64_t counter(uint32_t which);
    void requireOpen();

    std::mutex mutex_;
    std::mutex close_mutex_;
    // Locked before mutex_: one sweep at a time, one scan at a time, none while closing. The ring is drained
    // meanwhile.
    std::mutex sweep_mutex_;
    std::mutex scan_mutex_;
    LiveTable table_;
    Subflows subflows_;
    const PidNamespace pid_namespace_;
    std::unordered_set<uint32_t> own_namespaces_; // as of the last snapshot that left others out
    uint32_t max_connections_;
    double scan_share_;
    uint32_t cheap_scan_ns_;
    std::unique_ptr<TrackerPrograms> programs_;
    struct tp_shared *shared_ = nullptr;
    std::unique_ptr<SocketTable> sockets_;
    std::unique_ptr<LiveScan> live_scan_;
    std::unique_ptr<RingReader> ring_;
    uint64_t sweep_cpu_ns_ = 0; // of the first half
    bool can_adopt_in_namespaces_ = true;
    bool can_adopt_by_files_ = false;
    bool can_sweep_holders_ = false;
    uint64_t stored_ = 0;
    int counters_fd_ = -1;
    int stop_fd_ = -1;
    int epoll_fd_ = -1;
    uint64_t lost_reported_ = 0;
    bool has_handed_ = false; // there was a snapshot
    uint64_t scanned_at_ns_ = 0;
    std::thread drainer_;
};
