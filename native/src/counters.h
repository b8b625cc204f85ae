// The kernel side's counters by name, in the order of enum tp_counter.
#pragma once

#include "../bpf/record.h"

constexpr const char *COUNTER_NAMES[TP_COUNTERS] = {
    "connects", "openedActive", "openedPassive", "closed", "failed",       "seeded",
    "lostRing", "untracked",    "sentRing",      "madeUp", "deferredRing",
};
