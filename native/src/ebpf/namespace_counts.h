// Counts per network namespace: to compare with the kernel's own counters, and of sockets over the limit,
// which have no record each.
#pragma once

#include <cstddef>
#include <cstdint>

// Sockets over the limit: counted per namespace, no record each. (The overflow map of the BPF programs is
// something else: it has records that found no place in their table.)
struct OverflowCounts {
    uint64_t live = 0; // now
    // Since the last snapshot. Traffic is counted when a socket ends.
    uint64_t closed = 0;
    uint64_t failed = 0; // connects that ended without a handshake; not among the closed ones
    uint64_t bytes_sent = 0;
    uint64_t bytes_received = 0;
    uint64_t retransmits = 0;
};

// RFC 4022: tcpActiveOpens, tcpPassiveOpens, tcpCurrEstab.
struct NamespaceCounts {
    // Connects (pending and failed ones among them) and accepted connections since the last snapshot.
    uint64_t active = 0;
    uint64_t passive = 0;
    uint64_t established = 0; // now: ESTABLISHED or CLOSE-WAIT; inside the table without `untracked`
    OverflowCounts overflow;
    size_t records = 0; // in detail: live and closed
    // Of `overflow.live`: sockets without a record in the kernel, which can't be told apart.
    uint64_t untracked = 0;
};
