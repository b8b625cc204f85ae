#include "live_table.h"

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
    record.visit = known.visit;
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
    has_subflows_ |= (record.flags & TP_FLAG_SUBFLOW) != 0;
    if (record.state == TCP_CLOSE && !record.emitted_state && !(record.flags & TP_FLAG_UNTRACKED)) {
        applyUnseen(record);
        return;
    }
    established_counted_ = false;
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
    remove(record.socket_id);
    takeFromOther(record.socket_id);
    if (record.direction != TP_DIRECTION_LISTENER)
        close(record);
}

// A closed socket that was never told of while it lived, as most short connections: nothing here knows it.
void LiveTable::applyUnseen(const struct tp_record &closed) {
    countOpen(closed);
    if (closed.direction != TP_DIRECTION_LISTENER)
        close(closed, TP_FLAG_BRIEF);
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
    if (record.state == TCP_CLOSE || record.flags & TP_FLAG_UNTRACKED)
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
    if (isListeners(record) && newly_unsure_.size() < MAX_UNSURE)
        newly_unsure_.push_back(record.socket_id);
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

void LiveTable::close(const struct tp_record &record, uint8_t flags) {
    NamespaceCounts &counts = countsOf(record.netns);
    countEnd(record);
    if (!hasRoom(counts)) {
        addEnd(counts.other, record);
        return;
    }
    closed_.push_back(record);
    closed_.back().flags |= flags;
    counts.records++;
}

void LiveTable::closeUnseen(const std::function<bool(uint64_t socket_id)> &lives, uint64_t now_ns) {
    std::vector<uint64_t> gone;
    auto look = [&](uint64_t id) {
        if (!lives(id))
            gone.push_back(id);
    };
    for (const struct tp_record &record : live_)
        look(record.socket_id);
    other_.forEach([&](uint64_t id, const OtherSocket &) { look(id); });
    connecting_.forEach([&](uint64_t id, const auto &) { look(id); });
    closed_unseen_.clear();
    for (uint64_t id : gone)
        closeUnseen(id, now_ns);
}

void LiveTable::closeUnseen(uint64_t socket_id, uint64_t now_ns) {
    sockets_changed_ = true;
    established_counted_ = false;
    if (const uint32_t *slot = index_.find(socket_id)) {
        struct tp_record record = live_[*slot];
        remove(socket_id);
        if (record.direction != TP_DIRECTION_LISTENER) {
            record.state = TCP_CLOSE;
            record.end_ns = now_ns;
            close(record);
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
        return slot == nullptr || !isListeners(live_[*slot]);
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
