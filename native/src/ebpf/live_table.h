// The live sockets as last reported, and those closed since the last snapshot: flat records. The table knows
// which records a snapshot has handed over, so that the next one need not hand over all of them.
//
// Records are bounded, in all and per network namespace. Sockets over the limit are not lost: they are
// counted in the overflow of their namespace (namespace_counts.h). Every socket is in a record or in the
// overflow.
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

// Of all sockets reported, since the beginning.
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
    // Sockets that were handed over earlier and are gone without a closed record.
    std::vector<uint64_t> gone;
};

class LiveTable {
  public:
    using IsForeign = std::function<bool(const struct tp_record &)>;

    explicit LiveTable(const LiveTableLimits &limits) : limits_(limits) {}

    // Takes one record: news of a live socket, or a closed socket.
    void apply(const struct tp_record &record);

    // After a loss: closes the sockets that do not live any more, as of `now_ns`. If the record of such an
    // end still arrives, it does not count again.
    void closeUnseen(const std::function<bool(uint64_t socket_id)> &lives, uint64_t now_ns);
    // The same for one socket.
    void closeUnseen(uint64_t socket_id, uint64_t now_ns);

    // Sockets in the overflow, if there is room for records: applying them again gives them one.
    std::vector<uint64_t> overflowWithRoom() const;

    // Whether an accepted connection, known since an earlier take(), has had no activity of any process: it
    // may belong to another process than its listener's. Only connections since forgetUnsure() count.
    bool isUnsure();
    void forgetUnsure();
    // Whether the next take() may have subflows of MPTCP that joined a connection.
    bool hasSubflows() const { return subflows_ > 0 || has_closed_subflows_; }
    SocketTotals totals() const;
    // `function` is given the id of each connect that was pending at the last snapshot.
    template <typename Function> void forEachConnecting(Function function) const {
        connecting_.forEach([&](uint64_t id, const auto &) { function(id); });
    }
    size_t recordCount() const { return live_.size() + closed_.size(); }
    size_t liveCount() const { return live_.size(); }
    // With the overflow.
    size_t knownLive() const { return live_.size() + overflow_.size(); }
    // The most records that take() copies.
    size_t takeable(bool whole) const { return (whole ? live_.size() : changed_) + closed_.size(); }
    // Copies live records to `to` (all, or those new or changed since the last take()), then the closed ones,
    // which it forgets. `is_foreign`: sockets that are left out; empty: none. If its answer may change for an
    // unchanged record, take the whole.
    TakenRecords take(struct tp_record *to, bool whole, const IsForeign &is_foreign);
    // Counts by inode of the namespace, of namespaces that have any. Counts since the last snapshot start
    // anew. Call it after take(). Namespaces beyond MAX_NAMESPACES are summed up under 0.
    std::vector<std::pair<uint32_t, NamespaceCounts>> takeNamespaces();

    static constexpr size_t MAX_NAMESPACES = 16384;

  private:
    struct LiveSocket {
        struct tp_record record;
        bool is_handed;  // a snapshot has handed it over
        bool is_foreign; // the last snapshot that read it has left it out
    };
    struct ClosedSocket {
        struct tp_record record;
        bool was_handed; // while it lived
    };
    // What remains of a live socket that was removed.
    struct Removed {
        bool had_record = false;
        bool was_handed = false;
    };
    struct OverflowSocket {
        uint32_t netns;
        uint8_t state;
    };
    using OverflowSockets = IdTable<OverflowSocket>;

    NamespaceCounts &countsOf(uint32_t netns);
    void applyUnseen(const struct tp_record &closed);
    void countEnd(const struct tp_record &record);
    void countBegin(NamespaceCounts &counts, uint8_t direction);
    void countOpen(const struct tp_record &record);
    void countUntracked(const struct tp_record &record);
    void countState(uint32_t netns, uint8_t state, int change);
    void recountEstablished();
    bool isKnown(uint64_t socket_id) const;
    bool hasRoomForOverflow() const;
    bool hasRoom(const NamespaceCounts &counts) const;
    // Whether only the counters are news: the live socket is known already.
    bool updateCounters(const struct tp_record &record);
    void update(const struct tp_record &record);
    void replace(uint32_t slot, const struct tp_record &record);
    void markChanged(uint32_t slot);
    void move(uint32_t from, uint32_t to);
    Removed remove(uint64_t socket_id);
    void takeLive(struct tp_record *to, bool whole, const IsForeign &is_foreign, TakenRecords &taken);
    void takeClosed(struct tp_record *to, const IsForeign &is_foreign, TakenRecords &taken);
    void putIntoOverflow(const struct tp_record &record);
    void takeFromOverflow(uint64_t socket_id);
    void close(const struct tp_record &record, Removed before, uint8_t flags = 0);

    LiveTableLimits limits_;
    size_t subflows_ = 0; // live ones
    bool has_closed_subflows_ = false;
    // Ids of some connections that isUnsure() asks for, and of those that it will ask for after the next
    // take().
    std::vector<uint64_t> unsure_;
    std::vector<uint64_t> newly_unsure_;
    SocketTotals totals_;
    // Sockets that are new or changed since the last take() come first: finding them needs no search, and no
    // bound.
    std::vector<LiveSocket> live_;
    uint32_t changed_ = 0;
    IdTable<uint32_t> index_;
    size_t foreign_live_ = 0;
    std::vector<ClosedSocket> closed_;
    // Handed over before, and removed without a closed record since the last take().
    std::vector<uint64_t> gone_;
    // Live sockets over the limit, so that each is counted once. The bound on records in the kernel bounds
    // these too.
    OverflowSockets overflow_;
    // Connects that were pending at the last snapshot: counted, and not handed over before they are decided.
    IdSet connecting_;
    std::unordered_map<uint32_t, NamespaceCounts> namespaces_;
    // The namespace last counted in, most often the next one too; nullptr: none.
    std::pair<const uint32_t, NamespaceCounts> *last_counted_ = nullptr;
    // Until the next loss: sockets whose closed record was lost, or is still to come.
    IdSet closed_unseen_;
};
