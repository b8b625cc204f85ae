// The clocks that measure scans.
#pragma once

#include <cstdint>
#include <ctime>

inline uint64_t nanosOf(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000ull + static_cast<uint64_t>(now.tv_nsec);
}

// As the kernel stamps records.
inline uint64_t monotonicNanos() {
    return nanosOf(CLOCK_MONOTONIC);
}

// Processor time of the calling thread.
inline uint64_t threadNanos() {
    return nanosOf(CLOCK_THREAD_CPUTIME_ID);
}
