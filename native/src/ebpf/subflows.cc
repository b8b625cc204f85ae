#include "subflows.h"

#include <algorithm>
#include <netinet/tcp.h>

namespace {

constexpr uint32_t MAX_REPORTED = UINT8_MAX;

// Identifies a connection's first subflow: its network namespace and the low word of its cookie, as cookies
// come in sequence.
uint64_t keyOf(uint32_t netns, uint32_t cookie) {
    return uint64_t{netns} << 32 | cookie;
}

uint64_t keyOf(const struct tp_record &record) {
    bool is_joined = record.flags & TP_FLAG_SUBFLOW;
    return keyOf(record.netns, is_joined ? record.connect_us : static_cast<uint32_t>(record.socket_id));
}

} // namespace

void Subflows::add(Sum &sum, const struct tp_record &subflow) {
    sum.bytes_sent += subflow.bytes_sent;
    sum.bytes_received += subflow.bytes_received;
    sum.retransmits += subflow.retransmits;
    sum.subflows++;
}

size_t Subflows::join(struct tp_record *records, size_t count) {
    std::unordered_map<uint64_t, Sum> sums = ended_;
    for (size_t i = 0; i < count; i++)
        if (records[i].flags & TP_FLAG_SUBFLOW)
            add(sums[keyOf(records[i])], records[i]);
    if (sums.empty())
        return count;
    std::unordered_map<uint64_t, bool> lives; // connections with a record here
    for (size_t i = 0; i < count; i++) {
        struct tp_record &record = records[i];
        if (record.flags & TP_FLAG_SUBFLOW || record.direction == TP_DIRECTION_LISTENER)
            continue;
        auto sum = sums.find(keyOf(record));
        if (sum == sums.end())
            continue;
        record.bytes_sent += sum->second.bytes_sent;
        record.bytes_received += sum->second.bytes_received;
        record.retransmits += sum->second.retransmits;
        record.flags |= TP_FLAG_MPTCP;
        record.subflows = static_cast<uint8_t>(std::min(sum->second.subflows, MAX_REPORTED));
        lives[sum->first] = record.state != TCP_CLOSE;
    }
    for (size_t i = 0; i < count; i++) {
        auto at = lives.find(keyOf(records[i]));
        if (records[i].flags & TP_FLAG_SUBFLOW && records[i].state == TCP_CLOSE && at != lives.end() &&
            at->second)
            add(ended_[at->first], records[i]);
    }
    std::erase_if(ended_, [&lives](const auto &one) {
        auto at = lives.find(one.first);
        return at == lives.end() || !at->second;
    });
    auto isJoined = [&lives](const struct tp_record &record) {
        return record.flags & TP_FLAG_SUBFLOW && lives.count(keyOf(record));
    };
    return static_cast<size_t>(std::remove_if(records, records + count, isJoined) - records);
}
