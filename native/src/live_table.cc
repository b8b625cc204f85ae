#include "live_table.h"

#include <cstring>

namespace {

constexpr size_t RELEASED_FROM_BYTES = 1 << 20;
constexpr uint8_t TCP_STATE_ESTABLISHED = 1;
constexpr uint8_t TCP_STATE_SYN_SENT = 2;
constexpr uint8_t TCP_STATE_CLOSE = 7;
constexpr uint8_t TCP_STATE_CLOSE_WAIT = 8;

bool isEstablished(uint8_t state) {
    return state == TCP_STATE_ESTABLISHED || state == TCP_STATE_CLOSE_WAIT;
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

void countEnd(OtherCounts &other, const struct tp_record &record) {
    (record.flags & TP_FLAG_ESTABLISHED ? other.closed : other.failed)++;
    other.bytes_sent += record.bytes_sent;
    other.bytes_received += record.bytes_received;
    other.retransmits += record.retransmits;
}

// Empties it, with room for as many as before: what was written to is given back, so that a busy interval
// leaves nothing resident. Small ones keep their memory.
void clearFor(std::vector<struct tp_record> &records, size_t expected) {
    if (records.capacity() * sizeof(records[0]) < RELEASED_FROM_BYTES) {
        records.clear();
        return;
    }
    std::vector<struct tp_record> fresh;
    fresh.reserve(expected);
    records.swap(fresh);
}

bool isSameButForCounters(const struct tp_record &known, struct tp_record record) {
    record.bytes_sent = known.bytes_sent;
    record.bytes_received = known.bytes_received;
    record.srtt_us = known.srtt_us;
    record.retransmits = known.retransmits;
    record.emitted_state = known.emitted_state;
    record.emitted_epoch = known.emitted_epoch;
    record.held_in = known.held_in;
    return memcmp(&known, &record, sizeof(record)) == 0;
}

// Nothing is left of the namespace that the next snapshot would have to know.
bool isForgettable(const NamespaceCounts &counts) {
    return counts.records == 0 && counts.other.live == 0;
}
} // namespace

void LiveTable::apply(const struct tp_record &record) {
    if (updateCounters(record))
        return;
    sockets_changed_ = true;
    if (record.state == TCP_STATE_CLOSE && !record.emitted_state && !(record.flags & TP_FLAG_UNTRACKED)) {
        applyUnseen(record);
        return;
    }
    established_counted_ = false;
    if (record.flags & TP_FLAG_UNTRACKED) {
        countUntracked(record);
        return;
    }
    if (closed_by_resync_.erase(record.socket_id))
        return;
    bool known = isKnown(record.socket_id);
    if (record.state == TCP_STATE_SYN_SENT) {
        if (!known && connecting_.size() < limits_.records && connecting_.set(record.socket_id, {}))
            countOpen(record);
        return;
    }
    connecting_.erase(record.socket_id);
    if (!known)
        countOpen(record);
    if (record.state != TCP_STATE_CLOSE) {
        update(record);
        return;
    }
    if (!known && record.flags & TP_FLAG_ESTABLISHED)
        ended_unseen_++;
    remove(record.socket_id);
    takeFromOther(record.socket_id);
    if (!before_resync_.empty() || !other_before_resync_.empty())
        closed_in_resync_.set(record.socket_id, {});
    if (record.direction != TP_DIRECTION_LISTENER)
        close(record);
}

// A closed socket that was never told of while it lived, as most short connections: nothing here knows it.
void LiveTable::applyUnseen(const struct tp_record &closed) {
    countOpen(closed);
    if (closed.flags & TP_FLAG_ESTABLISHED)
        ended_unseen_++;
    if (closed.direction != TP_DIRECTION_LISTENER)
        close(closed);
}

bool LiveTable::isKnown(uint64_t socket_id) const {
    return index_.contains(socket_id) || connecting_.contains(socket_id) || other_.contains(socket_id) ||
           index_before_resync_.contains(socket_id) || other_before_resync_.contains(socket_id);
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
    if (record.direction == TP_DIRECTION_CONNECTED)
        countsOf(record.netns).active++;
    else if (record.direction == TP_DIRECTION_ACCEPTED)
        countsOf(record.netns).passive++;
}

// The kernel tells of the beginning and the end of such a socket, and of nothing between.
void LiveTable::countUntracked(const struct tp_record &record) {
    NamespaceCounts &counts = countsOf(record.netns);
    if (record.state != TCP_STATE_CLOSE) {
        (record.direction == TP_DIRECTION_CONNECTED ? counts.active : counts.passive)++;
        counts.untracked++;
        counts.other.live++;
        return;
    }
    if (counts.untracked > 0) { // else it is older than the tracker
        counts.untracked--;
        lower(counts.other.live);
    }
    countEnd(counts.other, record);
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

void LiveTable::countEstablished() {
    for (auto &[netns, counts] : namespaces_)
        counts.established = counts.untracked;
    for (const struct tp_record &record : live_)
        if (isEstablished(record.state))
            countsOf(record.netns).established++;
    other_.forEach([this](uint64_t, const OtherSocket &socket) {
        if (isEstablished(socket.state))
            countsOf(socket.netns).established++;
    });
}

bool LiveTable::updateCounters(const struct tp_record &record) {
    if (record.state == TCP_STATE_CLOSE || record.flags & TP_FLAG_UNTRACKED)
        return false;
    const uint32_t *slot = index_.find(record.socket_id);
    if (!slot || !isSameButForCounters(live_[*slot], record))
        return false;
    live_[*slot] = record;
    counters_changed_ = true;
    return true;
}

void LiveTable::update(const struct tp_record &record) {
    if (const uint32_t *slot = index_.find(record.socket_id)) {
        live_[*slot] = record;
        return;
    }
    NamespaceCounts &counts = countsOf(record.netns);
    // Listeners are few, and others need them for their direction.
    if (record.direction != TP_DIRECTION_LISTENER && !hasRoom(counts)) {
        putIntoOther(record);
        return;
    }
    takeFromOther(record.socket_id);
    index_.set(record.socket_id, static_cast<uint32_t>(live_.size()));
    live_.push_back(record);
    counts.records++;
}

void LiveTable::remove(uint64_t socket_id) {
    const uint32_t *at = index_.find(socket_id);
    if (!at)
        return;
    uint32_t slot = *at;
    lower(countsOf(live_[slot].netns).records);
    index_.erase(socket_id);
    if (slot + 1 != live_.size()) {
        live_[slot] = live_.back();
        index_.set(live_[slot].socket_id, slot);
    }
    live_.pop_back();
}

void LiveTable::putIntoOther(const struct tp_record &record) {
    OtherSocket socket = {record.netns, record.state};
    if (other_.set(record.socket_id, socket))
        countsOf(record.netns).other.live++;
}

void LiveTable::takeFromOther(uint64_t socket_id) {
    const OtherSocket *socket = other_.find(socket_id);
    if (!socket)
        return;
    lower(countsOf(socket->netns).other.live);
    other_.erase(socket_id);
}

void LiveTable::close(const struct tp_record &record) {
    NamespaceCounts &counts = countsOf(record.netns);
    if (!hasRoom(counts)) {
        countEnd(counts.other, record);
        return;
    }
    closed_.push_back(record);
    counts.records++;
}

void LiveTable::beginResync() {
    closed_by_resync_.clear();
    sockets_changed_ = true;
    established_counted_ = false;
    before_resync_.swap(live_);
    index_before_resync_.swap(index_);
    other_before_resync_.swap(other_);
    live_.clear();
    index_.clear();
    other_.clear();
    for (auto &[netns, counts] : namespaces_) {
        counts.records = 0;
        counts.other.live = counts.untracked;
    }
    for (const struct tp_record &record : closed_)
        countsOf(record.netns).records++;
}

void LiveTable::endResync(uint64_t now_ns) {
    for (struct tp_record &record : before_resync_) {
        uint64_t id = record.socket_id;
        if (record.direction == TP_DIRECTION_LISTENER || index_.contains(id) || other_.contains(id) ||
            closed_in_resync_.contains(id))
            continue;
        record.state = TCP_STATE_CLOSE;
        record.end_ns = now_ns;
        close(record);
        closed_by_resync_.set(id, {});
    }
    other_before_resync_.forEach([this](uint64_t id, const OtherSocket &socket) {
        if (index_.contains(id) || other_.contains(id) || closed_in_resync_.contains(id))
            return;
        countsOf(socket.netns).other.closed++; // what it transferred was lost with its record
        closed_by_resync_.set(id, {});
    });
    before_resync_.clear();
    before_resync_.shrink_to_fit();
    index_before_resync_.clear();
    other_before_resync_.clear();
    closed_in_resync_.clear();
}

void LiveTable::take(struct tp_record *to) {
    if (!live_.empty())
        memcpy(to, live_.data(), live_.size() * sizeof(*to));
    if (!closed_.empty())
        memcpy(to + live_.size(), closed_.data(), closed_.size() * sizeof(*to));
    for (const struct tp_record &record : closed_)
        lower(countsOf(record.netns).records);
    clearFor(closed_, closed_.size());
    sockets_changed_ = counters_changed_ = false;
}

std::vector<std::pair<uint32_t, NamespaceCounts>> LiveTable::takeNamespaces() {
    if (!established_counted_)
        countEstablished();
    established_counted_ = true;
    last_counted_ = nullptr; // it may be erased
    std::vector<std::pair<uint32_t, NamespaceCounts>> taken(namespaces_.begin(), namespaces_.end());
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
