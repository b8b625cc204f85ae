#include "malloc_settings.h"

#include <malloc.h>

namespace {

// Node and V8 have a dozen threads. By default each gets an arena, which keeps its peak.
[[maybe_unused]] constexpr int ARENAS = 2;
// Larger blocks (a snapshot, buffers of JavaScript) are mapped on their own and unmapped when they are freed.
// The default limit rises to the largest block ever freed, and blocks below it stay resident.
[[maybe_unused]] constexpr int MAPPED_FROM_BYTES = 1 << 20;

} // namespace

void keepMallocSmall() {
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, ARENAS);
    mallopt(M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
    mallopt(M_TRIM_THRESHOLD, MAPPED_FROM_BYTES);
#endif
}

void releaseFreeMemory() {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
