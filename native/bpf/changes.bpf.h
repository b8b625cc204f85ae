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

/* The socket is used for another connection, and no event reported the end of the last one: it ends as last
 * known. */
static __always_inline void end_unseen(struct entry *entry, const struct sock *sk) {
    struct tp_record *record = entry->record;
    bool reported;

    if (!end_reporting(entry, bpf_ktime_get_ns(), &reported))
        return;
    count(TP_COUNT_INFERRED);
    record->emitted_state = reported ? TCP_ESTABLISHED : 0;
    if (!(record->flags & TP_FLAG_ESTABLISHED))
        set_local(record, sk);
    send_ended(record);
}

/* A new record for a socket that the current process connects or makes listen. False: there is no room. */
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
        /* Records of earlier connections of this socket are gone: the time tells their ids apart. */
        if (!settings.has_destroy)
            id |= bpf_ktime_get_ns() >> 24 << 56;
    }
    record->socket_id = id;
    /* Early by a tick at most. The handshake corrects it. */
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
    report(&entry, TP_WORD_PENDING);
}

/* listen(): in the caller's context. Without bind() it gets its port after this. */
static __always_inline void on_listening(struct sock *sk) {
    struct entry entry;
    if (!begin_record(sk, &entry, TP_DIRECTION_LISTENER, TCP_LISTEN, true))
        return;
    set_local(entry.record, sk);
    remember_listener(sk);
    report(&entry, TP_WORD_LIVE);
}

static __always_inline void copy_listener(struct tp_record *record, const struct tp_record *listener) {
    record->pid = record->listener_pid = listener->pid;
    record->pid_start_ns = listener->pid_start_ns;
    __builtin_memcpy(record->comm, listener->comm, sizeof(record->comm));
    record->pid_evidence = TP_PID_LISTENER;
}

/* The listener's process for a socket that user space knows already: it is older than the programs and not
 * accepted yet. */
static __always_inline void set_listener(struct entry *entry, const struct tp_record *listener) {
    struct tp_record *record = entry->record;

    if (entry->word)
        raise_flags(entry->word, TP_WORD_BUSY);
    copy_listener(record, listener);
    if (entry->word)
        lower_flags(entry->word, TP_WORD_BUSY);
    report(entry, 0);
}

/* An accepted socket gets a record with the process of its listener. This runs in softirq: `current` is the
 * interrupted process. */
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

/* From the SYN to its answer: the first round trip that the kernel measures. After a repeated SYN the kernel
 * measures another round trip. The clock of connect() is exact enough then, as it took seconds. */
static __always_inline void set_connect_time(struct tp_record *record, const struct tcp_sock *tp,
                                             __u64 now_ns) {
    if (tp && tp->srtt_us && !tp->total_retrans) {
        record->connect_us = tp->srtt_us >> 3 ?: 1;
        record->start_ns = now_ns - record->connect_us * 1000ULL;
    } else if (now_ns > record->start_ns) {
        record->connect_us = (now_ns - record->start_ns) / 1000;
    }
}

/* The handshake is complete. `oldstate` gives the direction where the record has none. */
static __always_inline void set_established(struct sock *sk, struct entry *entry, int oldstate,
                                            bool is_inferred) {
    struct tp_record *record = entry->record;
    struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
    __u64 now = time_of(tp);

    if (record->direction == TP_DIRECTION_CONNECTED) {
        /* An inferred handshake has no known duration. */
        if (!is_inferred)
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
    report(entry, TP_WORD_LIVE);
}

static __always_inline void on_established(struct sock *sk, int oldstate) {
    struct entry entry;
    bool known = find(sk, &entry);

    if (!known && oldstate == TCP_SYN_RECV)
        known = create_accepted(sk, &entry);
    /* A connect without a record at its beginning gets none later: it would be counted twice. */
    else if (!known && !shared.has_untracked)
        known = create(sk, &entry);
    if (known)
        set_established(sk, &entry, oldstate, false);
    else if (oldstate == TCP_SYN_RECV)
        send_untracked(sk, TP_DIRECTION_ACCEPTED, oldstate, TCP_ESTABLISHED);
}

/* Whether a socket in this state, with this record, completed a handshake that no event reported. */
static __always_inline bool missed_handshake(const struct tp_record *record, int state) {
    return !(record->flags & TP_FLAG_ESTABLISHED) && record->direction != TP_DIRECTION_LISTENER &&
           is_established(state);
}

static __always_inline void infer_handshake(struct sock *sk, struct entry *entry) {
    count(TP_COUNT_INFERRED);
    set_established(sk, entry, TCP_SYN_RECV, true);
}

/*
 * A socket without a record, while all others have one. Events of connect() are never dropped, so it was
 * accepted and its events were dropped. The listener is unknown then, but the local port leads to it. A
 * socket that closes already gets no record: it may be older than the programs and have no process any more.
 */
static __always_inline bool infer_accepted(struct sock *sk, struct entry *entry, int state) {
    if (!shared.seeded || shared.has_untracked || (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT) ||
        !create_accepted(sk, entry))
        return false;
    infer_handshake(sk, entry);
    return true;
}

/*
 * Only close() and shutdown() make ESTABLISHED → FIN_WAIT1 and CLOSE_WAIT → LAST_ACK, so `current` is the
 * process that used the connection. Of a prefork server the listener's process may be another one.
 */
static __always_inline void note_closer(struct entry *entry) {
    struct tp_record *record = entry->record;
    if (record->direction == TP_DIRECTION_ACCEPTED && record->pid_evidence < TP_PID_CLOSE)
        set_pid(entry, bpf_get_current_task_btf(), TP_PID_CLOSE);
}

/* `by_user`: the current process closed it. */
static __always_inline void on_closed(struct sock *sk, struct entry *entry, bool by_user) {
    struct tp_record *record = entry->record;
    struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
    __u8 last = record->state;
    bool reported;

    if (last == TCP_CLOSE)
        return;
    /* A process gives up a connect, later than the last SYN: the socket's clock would be too early. */
    if (!end_reporting(entry, record->flags & TP_FLAG_ESTABLISHED ? time_of(tp) : bpf_ktime_get_ns(),
                       &reported))
        return;
    record->emitted_state = reported ? last : 0;
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
