/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * How user space learns of sockets: of those in the table by a flag in their word, which it looks at by
 * itself; of those in the overflow by records in the ring.
 */
#ifndef TOPOPROBE_TELLING_BPF_H
#define TOPOPROBE_TELLING_BPF_H

#include "fields.bpf.h"
#include "sockets.bpf.h"

/*
 * A live record of the overflow. That it is told is noted in it before the slot is taken: a closed record
 * after it has the note. A record that closes meanwhile is not told: a live record never follows its closed
 * one.
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

/* There is something new of a socket whose record can be believed: `flag` says since when, or is 0. */
static __always_inline void tell(struct entry *entry, __u64 flag) {
    if (entry->word)
        raise_flags(entry->word, flag | TP_WORD_DIRTY);
    else
        send_live(entry->record, entry->record->state);
}

/*
 * The socket has ended, and will not be told to live. False: that was known. `told`: user space knows the
 * socket. In the overflow the state is written before it is read whether it was told, as send_live does it
 * the other way round; the time of the end, which is written once, says who was first.
 */
static __always_inline bool end_telling(struct entry *entry, __u64 end_ns, bool *told) {
    struct tp_record *record = entry->record;
    __u64 before;

    if (entry->word) {
        before = raise_flags(entry->word, TP_WORD_CLOSED);
        *told = before & TP_WORD_TOLD;
        if (before & TP_WORD_CLOSED)
            return false;
        record->state = TCP_CLOSE;
        record->end_ns = end_ns;
        return true;
    }
    record->state = TCP_CLOSE;
    before = __sync_val_compare_and_swap(&record->end_ns, 0, end_ns);
    *told = record->emitted_state != 0;
    return !before;
}

/* All is said in the record of a socket that has ended. */
static __always_inline void send_closed(struct entry *entry) {
    if (!entry->word) {
        send_ended(entry->record);
        return;
    }
    raise_flags(entry->word, TP_WORD_ENDED);
    /* Else places would be taken over, and records sent one by one. */
    if (!(entry->record->socket_id & settings.take_mask))
        wake_reader();
}

/* A process is noted: a stronger evidence than the last, or another process. */
static __always_inline void set_pid(struct entry *entry, struct task_struct *task, __u8 evidence) {
    struct tp_record *record = entry->record;
    bool is_read = entry->word && *entry->word & (TP_WORD_LIVE | TP_WORD_PENDING);

    if (task->flags & PF_KTHREAD)
        return; /* a deferred close, or a socket of the kernel itself */
    if (entry->word && *entry->word & TP_WORD_ENDED)
        return;
    record->held_in = shared.sweep; /* a sweep under way must not take what it has not seen change */
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
 * A socket without a record: only its beginning and its end are told of, so that it is counted in its
 * namespace. Not inlined: it is rare, and its callers are not.
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
        if (oldstate != TCP_SYN_SENT)
            out->flags |= TP_FLAG_ESTABLISHED;
        if (tp) {
            set_traffic(out, tp, had_closed(oldstate));
        }
    }
    bpf_ringbuf_submit(out, wakeup_flags(0));
    return 0;
}

#endif
