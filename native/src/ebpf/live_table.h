// The live sockets as user space last heard of them, and those closed since the last snapshot: flat records.
// It knows which of them a snapshot has handed over, so that the next one need not hand over all of them.
//
// Records are bounded, in all and per network namespace. What has no room is not lost: it is counted in the
// "other" group of its namespace (namespace_counts.h). Every socket is either in a record or in that group.
#pragma once

#include "bpf/record.h"
#include "id_table.h"
#include "namespace_counts.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

struct LiveTableLimits {
    size_t records;           // live and closed together
    size_t records_per_netns; // so that a busy namespace leaves room for the others
};

// Of all sockets told of, since the beginning.
struct SocketTotals {
    uint64_t connects = 0; // pending and failed ones among them
    uint64_t accepted = 0;
    uint64_t closed = 0;  // connections
    uint64_t failed = 0;  // connects
    uint64_t pending = 0; // connects, now
};

// What one snapshot hands over.
struct TakenRecords {
    size_t count = 0;
    size_t foreign = 0; // sockets that were left out, live and closed
    // Sockets that were handed over earlier, are not there any more, and have no closed record.
    std::vector<uint64_t> gone;
};

class LiveTable {
  public:
    using IsForeign = std::function<bool(const struct tp_record &)>;

    explicit LiveTable(const LiveTableLimits &limits) : limits_(limits) {}

    // Takes one record from the ring: a live socket's news, or a closed socket.
    void apply(const struct tp_record &record);

    // After a loss: whoever does not live any more has closed unseen, and is closed here as of `now_ns`. If
    // its end is told of all the same, because its record was on its way, it does not count again.
    void closeUnseen(const std::function<bool(uint64_t socket_id)> &lives, uint64_t now_ns);
    // The same of one socket.
    void closeUnseen(uint64_t socket_id, uint64_t now_ns);

    // Sockets in the "other" group, when there is room for records: it helps to tell of them again.
    std::vector<uint64_t> othersWithRoom() const;

    // Whether there is an accepted connection, known since an earlier take(), of which no process has done
    // anything yet: it may be another's than its listener's. Only those since forgetUnsure().
    bool isUnsure();
    void forgetUnsure();
    // Whether the next take() may have subflows of MPTCP that joined a connection.
    bool hasSubflows() const { return subflows_ > 0 || has_closed_subflows_; }
    SocketTotals totals() const;
    // `visit` is given the id of each connect that was pending at the last snapshot.
    template <typename Visit> void forEachConnecting(Visit visit) const {
        connecting_.forEach([&](uint64_t id, const auto &) { visit(id); });
    }
    size_t recordCount() const { return live_.size() + closed_.size(); }
    size_t liveCount() const { return live_.size(); }
    // Those in the "other" group too.
    size_t knownLive() const { return live_.size() + other_.size(); }
    // Records that take() copies at most.
    size_t takeable(bool whole) const { return (whole ? live_.size() : changed_) + closed_.size(); }
    // Copies live records to `to` (all of them, or those that are new or changed since the last take()), then
    // the closed ones, which it forgets. `is_foreign`: sockets that are left out; empty: none. All live ones
    // have to be taken when its answer may be another for a record that has not changed.
    TakenRecords take(struct tp_record *to, bool whole, const IsForeign &is_foreign);
    // By inode of the namespace, those with anything to tell; what is counted since the last snapshot starts
    // anew. Call it after take(). The counts of namespaces beyond MAX_NAMESPACES are summed up under 0.
    std::vector<std::pair<uint32_t, NamespaceCounts>> takeNamespaces();

    static constexpr size_t MAX_NAMESPACES = 16384;

  private:
    struct LiveSocket {
        struct tp_record record;
        bool is_handed;  // a snapshot has handed it over
        bool is_foreign; // the last snapshot that came by has left it out
    };
    struct ClosedSocket {
        struct tp_record record;
        bool was_handed; // while it lived
    };
    // What is left of a live socket that was removed.
    struct Removed {
        bool had_record = false;
        bool was_handed = false;
    };
    struct OtherSocket {
        uint32_t netns;
        uint8_t state;
    };
    using OtherSockets = IdTable<OtherSocket>;

    NamespaceCounts &countsOf(uint32_t netns);
    void applyUnseen(const struct tp_record &closed);
    void countEnd(const struct tp_record &record);
    void countBegin(NamespaceCounts &counts, uint8_t direction);
    void countOpen(const struct tp_record &record);
    void countUntracked(const struct tp_record &record);
    void countState(uint32_t netns, uint8_t state, int change);
    void recountEstablished();
    bool isKnown(uint64_t socket_id) const;
    bool hasRoomForOthers() const;
    bool hasRoom(const NamespaceCounts &counts) const;
    // Whether that is all that is new: a live socket known already.
    bool updateCounters(const struct tp_record &record);
    void update(const struct tp_record &record);
    void replace(uint32_t slot, const struct tp_record &record);
    void markChanged(uint32_t slot);
    void move(uint32_t from, uint32_t to);
    Removed remove(uint64_t socket_id);
    void takeLive(struct tp_record *to, bool whole, const IsForeign &is_foreign, TakenRecords &taken);
    void takeClosed(struct tp_record *to, const IsForeign &is_foreign, TakenRecords &taken);
    void putIntoOther(const struct tp_record &record);
    void takeFromOther(uint64_t socket_id);
    void close(const struct tp_record &record, Removed before, uint8_t flags = 0);

    LiveTableLimits limits_;
    size_t subflows_ = 0; // live ones
    bool has_closed_subflows_ = false;
    // Some of those that isUnsure() asks for, by id, and those that it will ask for after the next take().
    std::vector<uint64_t> unsure_;
    std::vector<uint64_t> newly_unsure_;
    SocketTotals totals_;
    // Those that are new or changed since the last take() come first: finding them is no search, and there is
    // room for all of them.
    std::vector<LiveSocket> live_;
    uint32_t changed_ = 0;
    IdTable<uint32_t> index_;
    size_t foreign_live_ = 0;
    std::vector<ClosedSocket> closed_;
    // Handed over, and removed without a closed record since the last take().
    std::vector<uint64_t> gone_;
    // Live sockets that had no room, so that each is counted once. The bound on records in the kernel is
    // theirs, too.
    OtherSockets other_;
    // Connects that were pending at the last snapshot: counted, and not handed out before they are decided.
    IdSet connecting_;
    std::unordered_map<uint32_t, NamespaceCounts> namespaces_;
    // The one last counted in, most often the next one too; nullptr: none.
    std::pair<const uint32_t, NamespaceCounts> *last_counted_ = nullptr;
    // Until the next loss: those whose record of the end was lost, or is still to come.
    IdSet closed_unseen_;
};
