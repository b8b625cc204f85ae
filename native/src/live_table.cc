#include "live_table.h"

#include <cstring>

namespace {
constexpr uint8_t TCP_STATE_CLOSE = 7;
}

void LiveTable::apply(const struct tp_record &record) {
    if (record.state != TCP_STATE_CLOSE) {
        upsert(record);
        return;
    }
    remove(record.socket_id);
    if (!before_resync_.empty())
        closed_in_resync_.insert(record.socket_id);
    if (record.direction != TP_DIRECTION_LISTENER)
        close(record);
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

void LiveTable::close(const struct tp_record &record) {
    if (closed_.size() >= max_closed_) {
        dropped_closed_++;
        return;
    }
    closed_.push_back(record);
}

void LiveTable::beginResync() {
    before_resync_.swap(live_);
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
    closed_in_resync_.clear();
}

void LiveTable::take(struct tp_record *to) {
    if (!live_.empty())
        memcpy(to, live_.data(), live_.size() * sizeof(*to));
    if (!closed_.empty())
        memcpy(to + live_.size(), closed_.data(), closed_.size() * sizeof(*to));
    closed_.clear();
}
