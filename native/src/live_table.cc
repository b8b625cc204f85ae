#include "live_table.h"

#include <cstring>

namespace {
constexpr uint8_t TCP_STATE_ESTABLISHED = 1;
constexpr uint8_t TCP_STATE_SYN_SENT = 2;
constexpr uint8_t TCP_STATE_CLOSE = 7;
constexpr uint8_t TCP_STATE_CLOSE_WAIT = 8;
} // namespace

void LiveTable::apply(const struct tp_record &record) {
    bool known = isKnown(record.socket_id);
    if (record.state == TCP_STATE_SYN_SENT) {
        if (!known && connecting_.size() < max_closed_ && connecting_.insert(record.socket_id).second)
            countOpen(record);
        return;
    }
    connecting_.erase(record.socket_id);
    if (record.state != TCP_STATE_CLOSE) {
        upsert(record);
        if (!known)
            countOpen(record);
        return;
    }
    remove(record.socket_id);
    if (!before_resync_.empty())
        closed_in_resync_.insert(record.socket_id);
    if (record.direction != TP_DIRECTION_LISTENER && close(record) && !known)
        countOpen(record);
}

bool LiveTable::isKnown(uint64_t socket_id) const {
    return index_.count(socket_id) || connecting_.count(socket_id) || index_before_resync_.count(socket_id);
}

void LiveTable::countOpen(const struct tp_record &record) {
    if (record.flags & TP_FLAG_SEEDED)
        return; // opened before the tracker was there
    if (record.direction != TP_DIRECTION_CONNECTED && record.direction != TP_DIRECTION_ACCEPTED)
        return;
    if (NamespaceSeen *seen = namespaceOf(record))
        (record.direction == TP_DIRECTION_CONNECTED ? seen->active : seen->passive)++;
}

// Null when there are too many.
NamespaceSeen *LiveTable::namespaceOf(const struct tp_record &record) {
    if (seen_.size() >= MAX_NAMESPACES && !seen_.count(record.netns))
        return nullptr;
    return &seen_[record.netns];
}

void LiveTable::countEstablished() {
    for (auto &[netns, seen] : seen_)
        seen.established = 0;
    for (const struct tp_record &record : live_)
        if (record.state == TCP_STATE_ESTABLISHED || record.state == TCP_STATE_CLOSE_WAIT)
            if (NamespaceSeen *seen = namespaceOf(record))
                seen->established++;
}

void LiveTable::upsert(const struct tp_record &record) {
    auto [at, inserted] = index_.try_emplace(record.socket_id, static_cast<uint32_t>(live_.size()));
    if (inserted)
        live_.push_back(record);
    else
        live_[at->second] = record;
}

void LiveTable::remove(uint64_t socket_id) {
    auto at = index_.find(socket_id);
    if (at == index_.end())
        return;
    uint32_t slot = at->second;
    index_.erase(at);
    if (slot + 1 != live_.size()) {
        live_[slot] = live_.back();
        index_[live_[slot].socket_id] = slot;
    }
    live_.pop_back();
}

// False when there was no room.
bool LiveTable::close(const struct tp_record &record) {
    if (closed_.size() >= max_closed_) {
        dropped_closed_++;
        return false;
    }
    closed_.push_back(record);
    return true;
}

void LiveTable::beginResync() {
    before_resync_.swap(live_);
    index_before_resync_.swap(index_);
    live_.clear();
    index_.clear();
}

void LiveTable::endResync(uint64_t now_ns) {
    for (struct tp_record &record : before_resync_) {
        if (record.direction == TP_DIRECTION_LISTENER || index_.count(record.socket_id) ||
            closed_in_resync_.count(record.socket_id))
            continue;
        record.state = TCP_STATE_CLOSE;
        record.end_ns = now_ns;
        close(record);
    }
    before_resync_.clear();
    before_resync_.shrink_to_fit();
    index_before_resync_.clear();
    closed_in_resync_.clear();
}

void LiveTable::take(struct tp_record *to) {
    countEstablished();
    if (!live_.empty())
        memcpy(to, live_.data(), live_.size() * sizeof(*to));
    if (!closed_.empty())
        memcpy(to + live_.size(), closed_.data(), closed_.size() * sizeof(*to));
    closed_.clear();
}
