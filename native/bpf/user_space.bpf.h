/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What user space and the programs share besides the table: settings, counters and the ring. The ring carries
 * records that are not, or no longer, in the table, and wakes user space.
 */
#ifndef TOPOPROBE_USER_SPACE_BPF_H
#define TOPOPROBE_USER_SPACE_BPF_H

#include "kernel.h"
#include "record.h"
#include "socket_table.h"

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, TP_COUNTERS);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

/* Set by the loader: the only thing in .rodata. */
const volatile struct tp_settings settings = {
    .wake_above_bytes = 1024 * 1024,
    .take_mask = TP_TABLE_PLACES / 4 - 1,
    .table_mask = TP_TABLE_PLACES - 1,
    .has_destroy = 1,
};

struct tp_shared shared = {.sweep = 1, .round = 1};

/* Atomic: a softirq may count on the same CPU meanwhile. */
static __always_inline void count(__u32 which) {
    __u64 *value = bpf_map_lookup_elem(&counters, &which);
    if (value)
        __sync_fetch_and_add(value, 1);
}

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4 * 1024 * 1024); /* set by the loader */
} ring SEC(".maps");

static __always_inline __u64 wakeup_flags(__u64 socket_id) {
    if (socket_id & settings.look_mask ||
        bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) <= settings.wake_above_bytes)
        return BPF_RB_NO_WAKEUP;
    return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void send_ended(const struct tp_record *record) {
    struct tp_record *out = bpf_ringbuf_reserve(&ring, sizeof(*out), 0);
    if (!out) {
        count(TP_COUNT_LOST_RING);
        return;
    }
    __builtin_memcpy(out, record, sizeof(*out));
    bpf_ringbuf_submit(out, wakeup_flags(record->socket_id));
}

/* A reader that is woken reads the table too: an empty record will do. */
static __always_inline void wake_reader(void) {
    __u8 *out = bpf_ringbuf_reserve(&ring, sizeof(*out), 0);
    if (out)
        bpf_ringbuf_discard(out, BPF_RB_FORCE_WAKEUP);
}

#endif
