/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * How a change of state updates the socket's record, from connect(), listen() or a handshake to the end. A
 * change that the kernel did not report is inferred from the next one.
 */
#ifndef TOPOPROBE_CHANGES_BPF_H
#define TOPOPROBE_CHANGES_BPF_H

#include "mptcp.bpf.h"
#include "reporting.bpf.h"

/* What a connect() takes from its record to the socket's state, at the very most. */
#define CONNECT_BEGUN_NS 1000000000ULL

/* The end of a connection that we were not told of, when its socket is used for another: as last known. */
static __always_inline void end_unseen(struct entry *entry, const struct sock *sk) {
    struct tp_record *record = entry->record;
    bool told;

    if (!end_telling(entry, bpf_ktime_get_ns(), &told))
        return;
    count(TP_COUNT_MADE_UP);
    record->emitted_state = told ? TCP_ESTABLISHED : 0;
    if (!(record->flags & TP_FLAG_ESTABLISHED))
        set_local(record, sk);
    send_ended(record);
}

/* A record anew, of a socket that the process at hand connects or makes listen. False: there is no room. */
static __always_inline bool begin_record(struct sock *sk, struct entry *entry, __u8 direction, __u8 state,
                                         bool may_create) {
    struct tp_record *record;
    __u64 id;

    if (find(sk, entry)) { /* used before */
        record = entry->record;
        id = next_socket_id(record, sk);
        if (record->state != TCP_CLOSE && record->direction != TP_DIRECTION_LISTENER)
            end_unseen(entry, sk);
        if (entry->word && lower_flags(entry->word, TP_WORD_FLAGS) & TP_WORD_ENDED)
            send_ended(record);
        __builtin_memset(record, 0, sizeof(*record));
    } else {
        if (!may_create || !create(sk, entry))
            return false;
        record = entry->record;
        id = cookie_of(sk);
        if (!settings.has_destroy) /* nothing is left of the connections that this socket had before: the time
                                      tells */
            id |= bpf_ktime_get_ns() >> 24 << 56;
    }
    record->socket_id = id;
    /* A tick early at most. Of a connection it is put right when that is established. */
    record->start_ns = coarse_time();
    record->direction = direction;
    record->direction_evidence = TP_DIRECTION_EVIDENCE_HANDSHAKE;
    record->state = state;
    set_remote(record, sk);
    set_pid(entry, bpf_get_current_task_btf(), TP_PID_CONNECT);
    return true;
}

/* connect(): in the caller's context, before the local port is chosen. */
static __always_inline void on_connecting(struct sock *sk) {
    struct entry entry;
    if (!begin_record(sk, &entry, TP_DIRECTION_CONNECTED, TCP_SYN_SENT, !shared.table_full)) {
        send_untracked(sk, TP_DIRECTION_CONNECTED, TCP_CLOSE, TCP_SYN_SENT);
        return;
    }
    tell(&entry, TP_WORD_PENDING);
}

/* listen(): in the caller's context. Without bind() it gets its port after this. */
static __always_inline void on_listening(struct sock *sk) {
    struct entry entry;
    if (!begin_record(sk, &entry, TP_DIRECTION_LISTENER, TCP_LISTEN, true))
        return;
    set_local(entry.record, sk);
    remember_listener(sk);
    tell(&entry, TP_WORD_LIVE);
}

static __always_inline void copy_listener(struct tp_record *record, const struct tp_record *listener) {
    record->pid = record->listener_pid = listener->pid;
    record->pid_start_ns = listener->pid_start_ns;
    __builtin_memcpy(record->comm, listener->comm, sizeof(record->comm));
    record->pid_evidence = TP_PID_LISTENER;
}

/* A process in the record of a socket that user space knows already: of an older one, not accepted yet. */
static __always_inline void set_listener(struct entry *entry, const struct tp_record *listener) {
    struct tp_record *record = entry->record;

    if (entry->word)
        raise_flags(entry->word, TP_WORD_BUSY);
    copy_listener(record, listener);
    if (entry->word)
        lower_flags(entry->word, TP_WORD_BUSY);
    tell(entry, 0);
}

/* An accepted socket gets a record, with the process of its listener. In softirq, where `current` is whoever
 * was interrupted. */
static __always_inline bool create_accepted(struct sock *sk, struct entry *entry) {
    struct tp_record *record, *listener;

    if (shared.table_full || !create(sk, entry))
        return false;
    record = entry->record;
    record->direction = TP_DIRECTION_ACCEPTED;
    listener = listener_of_child(sk);
    if (!listener || !has_process(listener))
        return true;
    copy_listener(record, listener);
    return true;
}

/* From the SYN to its answer: the first round trip that the kernel measures. Where the SYN had to be repeated
 * it measures another one, and the clock of connect() is exact enough for the seconds that it took. */
static __always_inline void set_connect_time(struct tp_record *record, const struct tcp_sock *tp,
                                             __u64 now_ns) {
    if (tp && tp->srtt_us && !tp->total_retrans) {
        record->connect_us = tp->srtt_us >> 3 ?: 1;
        record->start_ns = now_ns - record->connect_us * 1000ULL;
    } else if (now_ns > record->start_ns) {
        record->connect_us = (now_ns - record->start_ns) / 1000;
    }
}

/* The handshake is complete. `oldstate` tells which end this is where the record can't. */
static __always_inline void set_established(struct sock *sk, struct entry *entry, int oldstate,
                                            bool made_up) {
    struct tp_record *record = entry->record;
    struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
    __u64 now = time_of(tp);

    if (record->direction == TP_DIRECTION_CONNECTED) {
        /* An inferred handshake has no known duration. */
        if (!made_up)
            set_connect_time(record, tp, now);
    } else {
        record->socket_id = cookie_of(sk);
        record->start_ns = now;
        record->direction_evidence = TP_DIRECTION_EVIDENCE_HANDSHAKE;
        if (oldstate == TCP_SYN_RECV) {
            record->direction = TP_DIRECTION_ACCEPTED;
        } else if (oldstate == TCP_SYN_SENT) {
            record->direction = TP_DIRECTION_CONNECTED;
        } else { /* TCP_REPAIR: a connection restored, by no handshake */
            record->direction = TP_DIRECTION_UNKNOWN;
            record->direction_evidence = TP_DIRECTION_EVIDENCE_NONE;
        }
    }
    set_remote(record, sk);
    set_local(record, sk);
    record->state = TCP_ESTABLISHED;
    record->flags |= TP_FLAG_ESTABLISHED;
    if (tp)
        note_mptcp(record, tp);
    tell(entry, TP_WORD_LIVE);
}

static __always_inline void on_established(struct sock *sk, int oldstate) {
    struct entry entry;
    bool known = find(sk, &entry);

    if (!known && oldstate == TCP_SYN_RECV)
        known = create_accepted(sk, &entry);
    /* A connect that had no record at its beginning gets none later: it would be counted twice. */
    else if (!known && !shared.has_untracked)
        known = create(sk, &entry);
    if (known)
        set_established(sk, &entry, oldstate, false);
    else if (oldstate == TCP_SYN_RECV)
        send_untracked(sk, TP_DIRECTION_ACCEPTED, oldstate, TCP_ESTABLISHED);
}

/* Whether a socket in this state, with this record, has completed a handshake that we were not told of. */
static __always_inline bool missed_handshake(const struct tp_record *record, int state) {
    return !(record->flags & TP_FLAG_ESTABLISHED) && record->direction != TP_DIRECTION_LISTENER &&
           is_established(state);
}

static __always_inline void make_up_handshake(struct sock *sk, struct entry *entry) {
    count(TP_COUNT_MADE_UP);
    set_established(sk, entry, TCP_SYN_RECV, true);
}

/*
 * A socket without a record, when all others have one. No connect() is ever dropped, so it was accepted, and
 * we were told of nothing: of which listener is not known then, but its port tells. One that is closing
 * already may be older than the programs, and left by its process before they came.
 */
static __always_inline bool make_up_accepted(struct sock *sk, struct entry *entry, int state) {
    if (!shared.seeded || shared.has_untracked || (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT) ||
        !create_accepted(sk, entry))
        return false;
    make_up_handshake(sk, entry);
    return true;
}

/*
 * ESTABLISHED → FIN_WAIT1 and CLOSE_WAIT → LAST_ACK are made by close() or shutdown() only, so `current` is
 * the process that used the connection: what its listener can't tell of a prefork server.
 */
static __always_inline void note_closer(struct entry *entry) {
    struct tp_record *record = entry->record;
    if (record->direction == TP_DIRECTION_ACCEPTED && record->pid_evidence < TP_PID_CLOSE)
        set_pid(entry, bpf_get_current_task_btf(), TP_PID_CLOSE);
}

/* `by_user`: the process at hand closed it. */
static __always_inline void on_closed(struct sock *sk, struct entry *entry, bool by_user) {
    struct tp_record *record = entry->record;
    struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
    __u8 last = record->state;
    bool told;

    if (last == TCP_CLOSE)
        return;
    /* A connect that is given up is given up by a process, and not when its last SYN went out. */
    if (!end_telling(entry, record->flags & TP_FLAG_ESTABLISHED ? time_of(tp) : bpf_ktime_get_ns(), &told))
        return;
    record->emitted_state = told ? last : 0;
    record->error = sk->sk_err;
    if (tp) {
        note_mptcp(record, tp);
        find_side(record, sk, tp, last, true);
        set_traffic(record, tp, had_closed(last));
        if (!record->local_port)
            record->local_port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
    }
    if (record->flags & TP_FLAG_ESTABLISHED) {
        /* Straight to CLOSE by its user: close() with unread data, or a zero linger. */
        if (by_user)
            note_closer(entry);
    } else if (record->direction == TP_DIRECTION_CONNECTED) {
        set_local(record, sk);
        if (tp)
            record->local_port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
        record->error = error_of_connect(sk, tp);
    } else {
        forget_listener(sk);
    }
    send_closed(entry);
    if (!settings.has_destroy && !entry->word)
        release(sk, entry);
}

#endif
