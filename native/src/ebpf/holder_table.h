// Who else holds the sockets that several processes hold, from one sweep: bounded, each process once per
// socket.
#pragma once

#include "bpf/record.h"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

class HolderTable {
  public:
    // Those of one process must come one after the other: it may hold a socket by several descriptors.
    void add(const struct tp_holder &holder);
    // By socket, then PID; `more` is set in all of a socket's.
    std::vector<struct tp_holder> sorted() const;
    // Holders of sockets for which there was no room. Those beyond MAX_TOLD of a socket are in its `more`.
    uint64_t dropped() const { return dropped_; }

    uint64_t cpu_ns = 0; // processor time that the whole sweep took, both halves

    static constexpr size_t MAX_SOCKETS = 16384;
    static constexpr size_t MAX_TOLD = 8;

  private:
    struct Socket {
        std::vector<struct tp_holder> told;
        uint32_t last_pid = 0;
        uint16_t more = 0;
    };

    std::unordered_map<uint64_t, Socket> sockets_;
    uint64_t dropped_ = 0;
};
