// Further fd holders of sockets, from one sweep: bounded, each process once per socket.
#pragma once

#include "bpf/record.h"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

class HolderTable {
  public:
    // A process may hold a socket by several descriptors: these calls must follow each other.
    void add(const struct tp_holder &holder);
    // By socket, then PID; `more` is set in all rows of a socket.
    std::vector<struct tp_holder> sorted() const;
    // Holders of sockets beyond MAX_SOCKETS. Holders beyond MAX_HOLDERS of a socket are in its `more`.
    uint64_t dropped() const { return dropped_; }

    uint64_t cpu_ns = 0; // processor time of the whole sweep, both halves

    static constexpr size_t MAX_SOCKETS = 16384;
    static constexpr size_t MAX_HOLDERS = 8;

  private:
    struct Socket {
        std::vector<struct tp_holder> holders;
        uint32_t last_pid = 0;
        uint16_t more = 0;
    };

    std::unordered_map<uint64_t, Socket> sockets_;
    uint64_t dropped_ = 0;
};
