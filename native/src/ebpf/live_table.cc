#include "live_table.h"

#include <algorithm>
#include <cstring>
#include <netinet/tcp.h>

namespace {

constexpr size_t RELEASED_FROM_BYTES = 1 << 20;
// One is enough to ask for a sweep; most of them are read from soon.
constexpr size_t MAX_UNSURE = 64;

// Only its listener's process is known.
bool isListeners(const struct tp_record &record) {
    return record.direction == TP_DIRECTION_ACCEPTED && record.pid_evidence == TP_PID_LISTENER;
}

bool isEstablished(uint8_t state) {
    return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
}

// Below the limit by a tenth: sockets that come back from the overflow must not fill the table at once.
bool hasAmpleRoom(size_t used, size_t limit) {
    return used < limit - limit / 10;
}

// A namespace beyond MAX_NAMESPACES may have been counted under 0 before it got an entry of its own.
template <typename Count> void lower(Count &count) {
    if (count > 0)
        count--;
}

void addEnd(OverflowCounts &overflow, const struct tp_record &record) {
    (record.flags & TP_FLAG_ESTABLISHED ? overflow.closed : overflow.failed)++;
    overflow.bytes_sent += record.bytes_sent;
    overflow.bytes_received += record.bytes_received;
    overflow.retransmits += record.retransmits;
}

// Clears the vector and keeps room for `expected`. Written memory is released, so that a busy interval leaves
// nothing resident. Small vectors keep their memory.
template <typename Socket> void clearFor(std::vector<Socket> &sockets, size_t expected) {
    if (sockets.capacity() * sizeof(sockets[0]) < RELEASED_FROM_BYTES) {
        sockets.clear();
        return;
    }
    std::vector<Socket> fresh;
    fresh.reserve(expected);
    sockets.swap(fresh);
}

bool isSameButForCounters(const struct tp_record &known, struct tp_record record) {
    record.bytes_sent = known.bytes_sent;
    record.bytes_received = known.bytes_received;
    record.srtt_us = known.srtt_us;
    record.retransmits = known.retransmits;
    record.emitted_state = known.emitted_state;
    record.scan_round = known.scan_round;
    record.held_in = known.held_in;
    return memcmp(&known, &record, sizeof(record)) == 0;
}

bool haveSameCounters(const struct tp_record &one, const struct tp_record &other) {
    return one.bytes_sent == other.bytes_sent && one.bytes_received == other.bytes_received &&
           one.srtt_us == other.srtt_us && one.retransmits == other.retransmits;
}

bool isSubflow(const struct tp_record &record) {
    return record.flags & TP_FLAG_SUBFLOW;
}

// Clears the programs' own fields: readers have no use for them, and they change without news.
struct tp_record toHandOver(const struct tp_record &record) {
    struct tp_record copy = record;
    copy.scan_round = 0;
    copy.held_in = copy.emitted_state = 0;
    return copy;
}

// The next snapshot needs nothing of the namespace.
bool isForgettable(const NamespaceCounts &counts) {
    return counts.records == 0 && counts.overflow.live == 0;
}
} // namespace

void LiveTable::apply(const struct tp_record &record) {
    if (updateCounters(record))
        return;
    if (record.state == TCP_CLOSE && !record.emitted_state && !(record.flags & TP_FLAG_UNTRACKED)) {
        applyUnseen(record);
        return;
    }
    if (record.flags & TP_FLAG_UNTRACKED) {
        countUntracked(record);
        return;
    }
    if (closed_unseen_.erase(record.socket_id))
        return;
    bool known = isKnown(record.socket_id);
    if (record.state == TCP_SYN_SENT) {
        if (!known && connecting_.size() < limits_.records && connecting_.set(record.socket_id, {}))
            countOpen(record);
        return;
    }
    connecting_.erase(record.socket_id);
    if (!known)
        countOpen(record);
    if (record.state != TCP_CLOSE) {
        update(record);
        return;
    }
    Removed removed = remove(record.socket_id);
    takeFromOverflow(record.socket_id);
    if (record.direction != TP_DIRECTION_LISTENER)
        close(record, removed);
    else if (removed.was_handed)
        gone_.push_back(record.socket_id);
}

// A closed socket that was never reported while it lived, as most short connections: unknown here.
void LiveTable::applyUnseen(const struct tp_record &closed) {
    countOpen(closed);
    if (closed.direction != TP_DIRECTION_LISTENER)
        close(closed, {}, TP_FLAG_BRIEF);
}

bool LiveTable::isKnown(uint64_t socket_id) const {
    return index_.contains(socket_id) || connecting_.contains(socket_id) || overflow_.contains(socket_id);
}

void LiveTable::countOpen(const struct tp_record &record) {
    if (record.flags & TP_FLAG_SEEDED) {
        // Older than the tracker, or one of the untracked sockets, of which only the number was known.
        NamespaceCounts &counts = countsOf(record.netns);
        if (counts.untracked > 0) {
            counts.untracked--;
            lower(counts.overflow.live);
        }
        return;
    }
    countBegin(countsOf(record.netns), record.direction);
}

void LiveTable::countBegin(NamespaceCounts &counts, uint8_t direction) {
    if (direction == TP_DIRECTION_CONNECTED) {
        counts.active++;
        totals_.connects++;
    } else if (direction == TP_DIRECTION_ACCEPTED) {
        counts.passive++;
        totals_.accepted++;
    }
}

void LiveTable::countEnd(const struct tp_record &record) {
    (record.flags & TP_FLAG_ESTABLISHED ? totals_.closed : totals_.failed)++;
}

SocketTotals LiveTable::totals() const {
    SocketTotals totals = totals_;
    totals.pending = connecting_.size();
    return totals;
}

// The programs report only the beginning and the end of such a socket.
void LiveTable::countUntracked(const struct tp_record &record) {
    NamespaceCounts &counts = countsOf(record.netns);
    if (record.state != TCP_CLOSE) {
        countBegin(counts, record.direction);
        counts.untracked++;
        counts.overflow.live++;
        return;
    }
    if (record.direction == TP_DIRECTION_ACCEPTED) { // it ended before its handshake: counted, no connection
        counts.passive++;
        return;
    }
    if (counts.untracked > 0) { // else it is older than the tracker
        counts.untracked--;
        lower(counts.overflow.live);
    }
    countEnd(record);
    addEnd(counts.overflow, record);
}

NamespaceCounts &LiveTable::countsOf(uint32_t netns) {
    if (last_counted_ && last_counted_->first == netns)
        return last_counted_->second;
    bool has_room = namespaces_.size() < MAX_NAMESPACES || namespaces_.count(netns);
    last_counted_ = &*namespaces_.try_emplace(has_room ? netns : 0).first;
    return last_counted_->second;
}

bool LiveTable::hasRoom(const NamespaceCounts &counts) const {
    return recordCount() < limits_.records && counts.records < limits_.records_per_netns;
}

bool LiveTable::hasRoomForOverflow() const {
    if (overflow_.empty() || !hasAmpleRoom(recordCount(), limits_.records))
        return false;
    for (const auto &[netns, counts] : namespaces_)
        if (counts.overflow.live > counts.untracked &&
            hasAmpleRoom(counts.records, limits_.records_per_netns))
            return true;
    return false;
}

std::vector<uint64_t> LiveTable::overflowWithRoom() const {
    std::vector<uint64_t> ids;
    if (hasRoomForOverflow())
        overflow_.forEach([&](uint64_t id, const OverflowSocket &socket) {
            auto counts = namespaces_.find(socket.netns);
            if (counts == namespaces_.end() || counts->second.records < limits_.records_per_netns)
                ids.push_back(id);
        });
    return ids;
}

void LiveTable::countState(uint32_t netns, uint8_t state, int change) {
    if (!isEstablished(state))
        return;
    NamespaceCounts &counts = countsOf(netns);
    if (change > 0)
        counts.established++;
    else
        lower(counts.established);
}

void LiveTable::recountEstablished() {
    for (auto &[netns, counts] : namespaces_)
        counts.established = 0;
    for (const LiveSocket &socket : live_)
        countState(socket.record.netns, socket.record.state, 1);
    overflow_.forEach(
        [this](uint64_t, const OverflowSocket &socket) { countState(socket.netns, socket.state, 1); });
}

bool LiveTable::updateCounters(const struct tp_record &record) {
    if (record.state == TCP_CLOSE || record.flags & TP_FLAG_UNTRACKED)
        return false;
    const uint32_t *slot = index_.find(record.socket_id);
    if (!slot || !isSameButForCounters(live_[*slot].record, record))
        return false;
    bool has_changed = !haveSameCounters(live_[*slot].record, record);
    live_[*slot].record = record;
    if (has_changed)
        markChanged(*slot);
    return true;
}

void LiveTable::update(const struct tp_record &record) {
    if (const uint32_t *slot = index_.find(record.socket_id)) {
        replace(*slot, record);
        return;
    }
    NamespaceCounts &counts = countsOf(record.netns);
    // Listeners are few, and others need them for their direction.
    if (record.direction != TP_DIRECTION_LISTENER && !hasRoom(counts)) {
        putIntoOverflow(record);
        return;
    }
    takeFromOverflow(record.socket_id);
    uint32_t slot = static_cast<uint32_t>(live_.size());
    index_.set(record.socket_id, slot);
    live_.push_back({record, false, false});
    countState(record.netns, record.state, 1);
    subflows_ += isSubflow(record);
    if (isListeners(record) && newly_unsure_.size() < MAX_UNSURE)
        newly_unsure_.push_back(record.socket_id);
    counts.records++;
    markChanged(slot);
}

void LiveTable::replace(uint32_t slot, const struct tp_record &record) {
    struct tp_record &known = live_[slot].record;
    countState(known.netns, known.state, -1);
    countState(record.netns, record.state, 1);
    subflows_ += isSubflow(record);
    subflows_ -= isSubflow(known);
    known = record;
    markChanged(slot);
}

void LiveTable::markChanged(uint32_t slot) {
    if (slot < changed_)
        return;
    if (slot != changed_) {
        std::swap(live_[slot], live_[changed_]);
        index_.set(live_[slot].record.socket_id, slot);
        index_.set(live_[changed_].record.socket_id, changed_);
    }
    changed_++;
}

void LiveTable::move(uint32_t from, uint32_t to) {
    if (from == to)
        return;
    live_[to] = live_[from];
    index_.set(live_[to].record.socket_id, to);
}

LiveTable::Removed LiveTable::remove(uint64_t socket_id) {
    const uint32_t *at = index_.find(socket_id);
    if (!at)
        return {};
    uint32_t gap = *at;
    const LiveSocket &socket = live_[gap];
    Removed removed = {true, socket.is_handed};
    lower(countsOf(socket.record.netns).records);
    countState(socket.record.netns, socket.record.state, -1);
    subflows_ -= isSubflow(socket.record);
    foreign_live_ -= socket.is_foreign;
    index_.erase(socket_id);
    // Changed records stay together: the last of them fills the gap, and the last of all records fills the
    // gap after them.
    if (gap < changed_) {
        move(--changed_, gap);
        gap = changed_;
    }
    move(static_cast<uint32_t>(live_.size()) - 1, gap);
    live_.pop_back();
    return removed;
}

void LiveTable::putIntoOverflow(const struct tp_record &record) {
    if (const OverflowSocket *known = overflow_.find(record.socket_id))
        countState(known->netns, known->state, -1);
    countState(record.netns, record.state, 1);
    if (overflow_.set(record.socket_id, {record.netns, record.state}))
        countsOf(record.netns).overflow.live++;
}

void LiveTable::takeFromOverflow(uint64_t socket_id) {
    const OverflowSocket *socket = overflow_.find(socket_id);
    if (!socket)
        return;
    lower(countsOf(socket->netns).overflow.live);
    countState(socket->netns, socket->state, -1);
    overflow_.erase(socket_id);
}

// A socket with a record keeps it to its end: the closed record takes the room of the live one.
void LiveTable::close(const struct tp_record &record, Removed before, uint8_t flags) {
    NamespaceCounts &counts = countsOf(record.netns);
    countEnd(record);
    if (!before.had_record && !hasRoom(counts)) {
        addEnd(counts.overflow, record);
        return;
    }
    closed_.push_back({record, before.was_handed});
    closed_.back().record.flags |= flags;
    has_closed_subflows_ |= isSubflow(record);
    counts.records++;
}

void LiveTable::closeUnseen(const std::function<bool(uint64_t socket_id)> &lives, uint64_t now_ns) {
    std::vector<uint64_t> gone;
    auto look = [&](uint64_t id) {
        if (!lives(id))
            gone.push_back(id);
    };
    for (const LiveSocket &socket : live_)
        look(socket.record.socket_id);
    overflow_.forEach([&](uint64_t id, const OverflowSocket &) { look(id); });
    connecting_.forEach([&](uint64_t id, const auto &) { look(id); });
    closed_unseen_.clear();
    for (uint64_t id : gone)
        closeUnseen(id, now_ns);
}

void LiveTable::closeUnseen(uint64_t socket_id, uint64_t now_ns) {
    if (const uint32_t *slot = index_.find(socket_id)) {
        struct tp_record record = live_[*slot].record;
        Removed removed = remove(socket_id);
        if (record.direction != TP_DIRECTION_LISTENER) {
            record.state = TCP_CLOSE;
            record.end_ns = now_ns;
            close(record, removed);
        } else if (removed.was_handed) {
            gone_.push_back(socket_id);
        }
    } else if (const OverflowSocket *socket = overflow_.find(socket_id)) {
        countsOf(socket->netns).overflow.closed++; // its bytes were lost with its record
        takeFromOverflow(socket_id);
    } else if (!connecting_.erase(socket_id)) { // erased: a failed connect, of which nothing more is known
        return;
    }
    if (closed_unseen_.size() >= limits_.records)
        closed_unseen_.clear();
    closed_unseen_.set(socket_id, {});
}

bool LiveTable::isUnsure() {
    std::erase_if(unsure_, [this](uint64_t id) {
        const uint32_t *slot = index_.find(id);
        return slot == nullptr || !isListeners(live_[*slot].record);
    });
    bool is_unsure = !unsure_.empty();
    for (uint64_t id : newly_unsure_)
        if (unsure_.size() < MAX_UNSURE)
            unsure_.push_back(id);
    newly_unsure_.clear();
    return is_unsure;
}

void LiveTable::forgetUnsure() {
    unsure_.clear();
    newly_unsure_.clear();
}

TakenRecords LiveTable::take(struct tp_record *to, bool whole, const IsForeign &is_foreign) {
    TakenRecords taken;
    taken.gone.swap(gone_);
    takeLive(to, whole, is_foreign, taken);
    takeClosed(to, is_foreign, taken);
    taken.foreign += foreign_live_;
    if (whole) // readers see what is missing
        taken.gone.clear();
    // A socket can stop listening and listen again.
    std::erase_if(taken.gone, [this](uint64_t id) {
        const uint32_t *slot = index_.find(id);
        return slot != nullptr && live_[*slot].is_handed;
    });
    return taken;
}

void LiveTable::takeLive(struct tp_record *to, bool whole, const IsForeign &is_foreign, TakenRecords &taken) {
    size_t count = whole ? live_.size() : changed_;
    for (size_t slot = 0; slot < count; slot++) {
        LiveSocket &socket = live_[slot];
        bool is_left_out = is_foreign && is_foreign(socket.record);
        if (is_left_out && socket.is_handed)
            taken.gone.push_back(socket.record.socket_id);
        foreign_live_ += is_left_out;
        foreign_live_ -= socket.is_foreign;
        socket.is_foreign = is_left_out;
        socket.is_handed = !is_left_out;
        if (!is_left_out)
            to[taken.count++] = toHandOver(socket.record);
    }
    changed_ = 0;
}

void LiveTable::takeClosed(struct tp_record *to, const IsForeign &is_foreign, TakenRecords &taken) {
    for (const ClosedSocket &socket : closed_) {
        lower(countsOf(socket.record.netns).records);
        if (!is_foreign || !is_foreign(socket.record)) {
            to[taken.count++] = toHandOver(socket.record);
            continue;
        }
        taken.foreign++;
        if (socket.was_handed)
            taken.gone.push_back(socket.record.socket_id);
    }
    clearFor(closed_, closed_.size());
    has_closed_subflows_ = false;
}

std::vector<std::pair<uint32_t, NamespaceCounts>> LiveTable::takeNamespaces() {
    // With a sum of namespaces, a socket may be counted in the sum now and in its own namespace later.
    if (namespaces_.count(0))
        recountEstablished();
    last_counted_ = nullptr; // it may be erased
    std::vector<std::pair<uint32_t, NamespaceCounts>> taken(namespaces_.begin(), namespaces_.end());
    for (auto &[netns, counts] : taken)
        counts.established += counts.untracked;
    for (auto at = namespaces_.begin(); at != namespaces_.end();) {
        if (isForgettable(at->second)) {
            at = namespaces_.erase(at);
            continue;
        }
        NamespaceCounts &counts = at->second;
        counts.active = counts.passive = 0;
        counts.overflow = {.live = counts.overflow.live};
        ++at;
    }
    return taken;
}
