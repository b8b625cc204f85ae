/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Reports sockets to user space. A socket in the table is reported by a flag in its word, which user space
 * reads by itself; a socket in the overflow map by a record in the ring.
 */
#ifndef TOPOPROBE_REPORTING_BPF_H
#define TOPOPROBE_REPORTING_BPF_H

#include "fields.bpf.h"
#include "sockets.bpf.h"

/*
 * Sends a live record of the overflow map. `emitted_state` is written before the slot is reserved, so that a
 * closed record that follows has it. A record that closes meanwhile is discarded: a live record never follows
 * its closed one.
 */
static __noinline int send_live(struct tp_record *record, __u8 state) {
    __u8 before = record->emitted_state;
    struct tp_record *out;

    record->emitted_state = state;
    barrier();
    out = bpf_ringbuf_reserve(&ring, sizeof(*out), 0);
    if (!out) {
        record->emitted_state = before;
        count(TP_COUNT_DEFERRED_RING);
        return 0;
    }
    __builtin_memcpy(out, record, sizeof(*out));
    out->state = state;
    if (record->state == TCP_CLOSE)
        bpf_ringbuf_discard(out, BPF_RB_NO_WAKEUP);
    else
        bpf_ringbuf_submit(out, wakeup_flags(record->socket_id));
    return 0;
}

/* A socket with a valid record has news. `flag`: what makes the record valid from now on, or 0. */
static __always_inline void report(struct entry *entry, __u64 flag) {
    if (entry->word)
        raise_flags(entry->word, flag | TP_WORD_DIRTY);
    else
        send_live(entry->record, entry->record->state);
}

/*
 * The socket has ended and is not reported as live any more. False: its end was known. `reported`: user space
 * knows the socket. In the overflow map `state` is written before `emitted_state` is read, as send_live()
 * does both in the other order. `end_ns` is written once: it decides who was first.
 */
static __always_inline bool end_reporting(struct entry *entry, __u64 end_ns, bool *reported) {
    struct tp_record *record = entry->record;
    __u64 before;

    if (entry->word) {
        before = raise_flags(entry->word, TP_WORD_CLOSED);
        *reported = before & TP_WORD_REPORTED;
        if (before & TP_WORD_CLOSED)
            return false;
        record->state = TCP_CLOSE;
        record->end_ns = end_ns;
        return true;
    }
    record->state = TCP_CLOSE;
    before = __sync_val_compare_and_swap(&record->end_ns, 0, end_ns);
    *reported = record->emitted_state != 0;
    return !before;
}

/* The record of a socket that has ended is complete. */
static __always_inline void send_closed(struct entry *entry) {
    if (!entry->word) {
        send_ended(entry->record);
        return;
    }
    raise_flags(entry->word, TP_WORD_ENDED);
    /* A reader that comes late makes newcomers take places over, and records go one by one. */
    if (!(entry->record->socket_id & settings.take_mask))
        wake_reader();
}

/* Records a process: with stronger evidence than before, or another process. */
static __always_inline void set_pid(struct entry *entry, struct task_struct *task, __u8 evidence) {
    struct tp_record *record = entry->record;
    bool is_read = entry->word && *entry->word & (TP_WORD_LIVE | TP_WORD_PENDING);

    if (task->flags & PF_KTHREAD)
        return; /* a deferred close, or a socket of the kernel itself */
    if (entry->word && *entry->word & TP_WORD_ENDED)
        return;
    record->held_in = shared.sweep; /* a sweep under way must not replace a process that is newer than it */
    if (is_process_of(record, task)) {
        record->pid_evidence = evidence;
        return;
    }
    if (is_read)
        raise_flags(entry->word, TP_WORD_BUSY);
    copy_process(record, task);
    record->pid_evidence = evidence;
    if (is_read) {
        raise_flags(entry->word, TP_WORD_DIRTY);
        lower_flags(entry->word, TP_WORD_BUSY);
    } else if (!entry->word && record->emitted_state && record->state != TCP_CLOSE) {
        send_live(record, record->state);
    }
}

/*
 * Reports the beginning and the end of a socket without a record, so that its namespace counts it. Not
 * inlined: it is rare, and its callers are not.
 */
static __noinline int send_untracked(struct sock *sk, __u8 direction, int oldstate, __u8 state) {
    struct tp_record *out = bpf_ringbuf_reserve(&ring, sizeof(*out), 0);

    if (state != TCP_CLOSE) {
        shared.has_untracked = 1;
        count(TP_COUNT_UNTRACKED);
    }
    if (!out) {
        count(TP_COUNT_LOST_RING);
        return 0;
    }
    __builtin_memset(out, 0, sizeof(*out));
    out->netns = sk->__sk_common.skc_net.net->ns.inum;
    out->direction = direction;
    out->state = state;
    out->flags = TP_FLAG_UNTRACKED;
    if (state == TCP_CLOSE) {
        struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
        if (oldstate != TCP_SYN_SENT && oldstate != TCP_SYN_RECV)
            out->flags |= TP_FLAG_ESTABLISHED;
        if (tp) {
            set_traffic(out, tp, had_closed(oldstate));
        }
    }
    bpf_ringbuf_submit(out, wakeup_flags(0));
    return 0;
}

#endif
