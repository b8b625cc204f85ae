#include "live_table.h"

#include <algorithm>
#include <cstring>
#include <netinet/tcp.h>

namespace {

constexpr size_t RELEASED_FROM_BYTES = 1 << 20;
// One is enough to want a sweep; most of them are read from soon.
constexpr size_t MAX_UNSURE = 64;

// Nothing is known of its process but that of its listener.
bool isListeners(const struct tp_record &record) {
    return record.direction == TP_DIRECTION_ACCEPTED && record.pid_evidence == TP_PID_LISTENER;
}

bool isEstablished(uint8_t state) {
    return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
}

// Below the bound by a tenth: sockets that come back from the "other" group must not fill it again at once.
bool hasAmpleRoom(size_t used, size_t limit) {
    return used < limit - limit / 10;
}

// A namespace beyond MAX_NAMESPACES may have been counted under 0 before it got an entry of its own.
template <typename Count> void lower(Count &count) {
    if (count > 0)
        count--;
}

void addEnd(OtherCounts &other, const struct tp_record &record) {
    (record.flags & TP_FLAG_ESTABLISHED ? other.closed : other.failed)++;
    other.bytes_sent += record.bytes_sent;
    other.bytes_received += record.bytes_received;
    other.retransmits += record.retransmits;
}

// Empties it, with room for as many as before: what was written to is given back, so that a busy interval
// leaves nothing resident. Small ones keep their memory.
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
    record.visit = known.visit;
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

// What is the programs' own means nothing to whoever is handed a record, and changes without a change.
struct tp_record toHandOver(const struct tp_record &record) {
    struct tp_record copy = record;
    copy.visit = 0;
    copy.held_in = copy.emitted_state = 0;
    return copy;
}

// Nothing is left of the namespace that the next snapshot would have to know.
bool isForgettable(const NamespaceCounts &counts) {
    return counts.records == 0 && counts.other.live == 0;
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
    takeFromOther(record.socket_id);
    if (record.direction != TP_DIRECTION_LISTENER)
        close(record, removed);
    else if (removed.was_handed)
        gone_.push_back(record.socket_id);
}

// A closed socket that was never told of while it lived, as most short connections: nothing here knows it.
void LiveTable::applyUnseen(const struct tp_record &closed) {
    countOpen(closed);
    if (closed.direction != TP_DIRECTION_LISTENER)
        close(closed, {}, TP_FLAG_BRIEF);
}

bool LiveTable::isKnown(uint64_t socket_id) const {
    return index_.contains(socket_id) || connecting_.contains(socket_id) || other_.contains(socket_id);
}

void LiveTable::countOpen(const struct tp_record &record) {
    if (record.flags & TP_FLAG_SEEDED) {
        // Opened before the tracker was there, or one of those that nothing was known of but their number.
        NamespaceCounts &counts = countsOf(record.netns);
        if (counts.untracked > 0) {
            counts.untracked--;
            lower(counts.other.live);
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

// The kernel tells of the beginning and the end of such a socket, and of nothing between.
void LiveTable::countUntracked(const struct tp_record &record) {
    NamespaceCounts &counts = countsOf(record.netns);
    if (record.state != TCP_CLOSE) {
        countBegin(counts, record.direction);
        counts.untracked++;
        counts.other.live++;
        return;
    }
    if (counts.untracked > 0) { // else it is older than the tracker
        counts.untracked--;
        lower(counts.other.live);
    }
    countEnd(record);
    addEnd(counts.other, record);
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

bool LiveTable::hasRoomForOthers() const {
    if (other_.empty() || !hasAmpleRoom(recordCount(), limits_.records))
        return false;
    for (const auto &[netns, counts] : namespaces_)
        if (counts.other.live > counts.untracked && hasAmpleRoom(counts.records, limits_.records_per_netns))
            return true;
    return false;
}

std::vector<uint64_t> LiveTable::othersWithRoom() const {
    std::vector<uint64_t> ids;
    if (hasRoomForOthers())
        other_.forEach([&](uint64_t id, const OtherSocket &socket) {
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
    other_.forEach(
        [this](uint64_t, const OtherSocket &socket) { countState(socket.netns, socket.state, 1); });
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
        putIntoOther(record);
        return;
    }
    takeFromOther(record.socket_id);
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
    // The changed ones stay together: the last of them takes its place, and the last of all the gap after
    // them.
    if (gap < changed_) {
        move(--changed_, gap);
        gap = changed_;
    }
    move(static_cast<uint32_t>(live_.size()) - 1, gap);
    live_.pop_back();
    return removed;
}

void LiveTable::putIntoOther(const struct tp_record &record) {
    if (const OtherSocket *known = other_.find(record.socket_id))
        countState(known->netns, known->state, -1);
    countState(record.netns, record.state, 1);
    if (other_.set(record.socket_id, {record.netns, record.state}))
        countsOf(record.netns).other.live++;
}

void LiveTable::takeFromOther(uint64_t socket_id) {
    const OtherSocket *socket = other_.find(socket_id);
    if (!socket)
        return;
    lower(countsOf(socket->netns).other.live);
    countState(socket->netns, socket->state, -1);
    other_.erase(socket_id);
}

// A socket in detail stays so to its end: the closed record has the room that the live one had.
void LiveTable::close(const struct tp_record &record, Removed before, uint8_t flags) {
    NamespaceCounts &counts = countsOf(record.netns);
    countEnd(record);
    if (!before.had_record && !hasRoom(counts)) {
        addEnd(counts.other, record);
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
    other_.forEach([&](uint64_t id, const OtherSocket &) { look(id); });
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
    } else if (const OtherSocket *socket = other_.find(socket_id)) {
        countsOf(socket->netns).other.closed++; // what it transferred was lost with its record
        takeFromOther(socket_id);
    } else if (!connecting_.erase(socket_id)) { // a failed connect: nothing more is known of it
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
    if (whole) // nobody need be told what is not there
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
    // Where some are summed up, a socket may be counted in the sum now and in its own namespace's later.
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
        counts.other = {.live = counts.other.live};
        ++at;
    }
    return taken;
}
