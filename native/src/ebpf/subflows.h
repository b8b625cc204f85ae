// Subflows that joined an MPTCP connection (TP_FLAG_SUBFLOW) are part of it: their bytes are those of its
// first subflow, which stands for the connection, also after they have ended.
#pragma once

#include "bpf/record.h"

#include <cstddef>
#include <cstdint>
#include <unordered_map>

class Subflows {
  public:
    // Joins those of one snapshot in place; returns how many records are left. A subflow whose connection has
    // no record stands for itself.
    size_t join(struct tp_record *records, size_t count);
    // There is nothing to add to connections but subflows that are in the snapshot themselves.
    bool isEmpty() const { return ended_.empty(); }

  private:
    struct Sum {
        uint64_t bytes_sent = 0;
        uint64_t bytes_received = 0;
        uint32_t retransmits = 0;
        uint32_t subflows = 0;
    };
    static void add(Sum &sum, const struct tp_record &subflow);

    // What subflows that have ended carried, by connection; of connections that live.
    std::unordered_map<uint64_t, Sum> ended_;
};
