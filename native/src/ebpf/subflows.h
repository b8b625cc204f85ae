// Adds the bytes of subflows that joined an MPTCP connection (TP_FLAG_SUBFLOW) to its first subflow, which
// represents the connection. They stay added after these subflows have ended.
#pragma once

#include "bpf/record.h"

#include <cstddef>
#include <cstdint>
#include <unordered_map>

class Subflows {
  public:
    // Joins the subflows of one snapshot in place; returns the number of records left. A subflow whose
    // connection has no record stays a record of its own.
    size_t join(struct tp_record *records, size_t count);
    // True: no ended subflows to add, only those in the snapshot itself.
    bool isEmpty() const { return ended_.empty(); }

  private:
    struct Sum {
        uint64_t bytes_sent = 0;
        uint64_t bytes_received = 0;
        uint32_t retransmits = 0;
        uint32_t subflows = 0;
    };
    static void add(Sum &sum, const struct tp_record &subflow);

    // Sums of ended subflows by connection, while the connection lives.
    std::unordered_map<uint64_t, Sum> ended_;
};
