// The programs' counters by name, in the order of enum tp_counter.
#pragma once

#include "bpf/record.h"

constexpr const char *COUNTER_NAMES[TP_COUNTERS] = {
    "seeded", "lostRing", "untracked", "inferred", "deferredRing",
};
