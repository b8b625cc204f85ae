/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The tracker: one record per TCP socket, kept in the socket's own storage and brought up to date by its
 * state changes. Nothing here wakes user space per event.
 *
 *   on_tcp_state: every state change of every TCP socket of every namespace. A closed socket's record goes
 *                 to the ring, which wakes its reader only when it is a quarter full.
 *   on_destroy:   the end of a socket whose last state change we were not told of.
 *   on_read:      a process took data from a socket: of all that may hold it, this one uses it.
 *   emit_live:    iterator over the storage; sends the records of live sockets that changed since last time.
 *   confirm_holders, tell_holders:
 *                 iterators over all open files, run one after the other: a sweep. The first finds sockets
 *                 that existed before, sends them, and confirms which processes still hold theirs; the second
 *                 gives each socket whose process does not to one that does, and tells all other holders.
 *
 * A child socket of a listener is cloned with the listener's storage (BPF_F_CLONE), so the listening process
 * is known although the handshake ends in softirq, where `current` is whoever was interrupted.
 *
 * The kernel does not run a program again on a CPU where it runs already (__bpf_trace_run in
 * kernel/trace/bpf_trace.c): a softirq that interrupts on_tcp_state in a process's context has its own state
 * changes dropped, where network cards interrupt about one in a hundred. What a process does (connect,
 * listen, close, shut down) is never dropped; the other changes, into ESTABLISHED and CLOSE, are made up for
 * by what comes after them: the next change, a reading of live sockets, or on_destroy.
 */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>
#include "kernel.h"
#include "record.h"

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
    __type(key, int);
    __type(value, struct tp_record);
} sockets SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4 * 1024 * 1024); /* set by the loader */
} ring SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, TP_COUNTERS);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

/*
 * The reader is woken when more than this many bytes wait in the ring. Looking costs as much as writing a
 * record: it is done once in so many (a power of two, less one) of a CPU's records. Both set by the loader.
 */
const volatile __u64 wake_above_bytes = 1024 * 1024;
const volatile __u64 look_mask = 0;

/* What a connect() takes from its record to the socket's state, at the very most. */
#define CONNECT_BEGUN_NS 1000000000ULL

struct tp_shared shared = {.epoch = 1, .sweep = 1};

/* Returns how many this CPU had counted before. Atomic: a softirq may count on the same CPU meanwhile. */
static __always_inline __u64 count(__u32 which) {
    __u64 *value = bpf_map_lookup_elem(&counters, &which);
    return value ? __sync_fetch_and_add(value, 1) : 0;
}

/* Whether the record's process is the one that `task` is a thread of: a PID alone is given to others later.
 */
static __always_inline int is_process_of(const struct tp_record *record, const struct task_struct *task) {
    return record->pid == (__u32)task->tgid && record->pid_start_ns == task->group_leader->start_boottime;
}

static __always_inline void set_pid(struct tp_record *record, struct task_struct *task, __u8 evidence) {
    if (task->flags & PF_KTHREAD)
        return;                     /* a deferred close, or a socket of the kernel itself */
    record->held_in = shared.sweep; /* a sweep under way must not take what it has not seen change */
    if (is_process_of(record, task)) {
        record->pid_evidence = evidence;
        return;
    }
    record->pid = task->tgid;
    record->pid_start_ns = task->group_leader->start_boottime;
    __builtin_memcpy(record->comm, task->group_leader->comm, sizeof(record->comm));
    record->pid_evidence = evidence;
    record->emitted_epoch = 0;
}

static __always_inline void map_ipv4(__u8 address[16], __be32 ipv4) {
    __u32 *words = (__u32 *)address;
    words[0] = 0;
    words[1] = 0;
    words[2] = bpf_htonl(0xffff);
    words[3] = ipv4;
}

static __always_inline void set_remote(struct tp_record *record, const struct sock *sk) {
    record->netns = sk->__sk_common.skc_net.net->ns.inum;
    record->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
    if (sk->__sk_common.skc_family == AF_INET6) {
        __builtin_memcpy(record->remote_address, &sk->__sk_common.skc_v6_daddr, 16);
        record->scope_id = sk->__sk_common.skc_bound_dev_if;
    } else {
        map_ipv4(record->remote_address, sk->__sk_common.skc_daddr);
        record->scope_id = 0;
    }
}

static __always_inline void set_local(struct tp_record *record, const struct sock *sk) {
    record->local_port = sk->__sk_common.skc_num;
    if (sk->__sk_common.skc_family == AF_INET6)
        __builtin_memcpy(record->local_address, &sk->__sk_common.skc_v6_rcv_saddr, 16);
    else
        map_ipv4(record->local_address, sk->__sk_common.skc_rcv_saddr);
}

/*
 * The kernel counts sequence numbers: bytes_acked has our SYN when this side connected and our FIN once it is
 * acknowledged, bytes_received the peer's FIN. None of them is payload.
 */
static __always_inline void set_traffic(struct tp_record *record, const struct tcp_sock *tp, bool fin_sent) {
    const struct sock *sk = &tp->inet_conn.icsk_inet.sk;
    __u64 sent = tp->bytes_acked;
    __u64 received = tp->bytes_received;

    if (sent && record->direction == TP_DIRECTION_CONNECTED)
        sent--;
    if (sent && fin_sent && tp->snd_una == tp->write_seq)
        sent--;
    if (received && (sk->__sk_common.skc_flags & 1 << SOCK_DONE))
        received--;
    record->bytes_sent = sent;
    record->bytes_received = received;
    record->srtt_us = tp->srtt_us >> 3;
    record->retransmits = tp->total_retrans;
}

/* Whether a socket that ended in this state had closed its side: its FIN may be among what was acknowledged.
 */
static __always_inline bool had_closed(int state) {
    return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

static __always_inline __u64 first_socket_id(struct sock *sk) {
    return bpf_get_socket_cookie(sk) & 0x00ffffffffffffffULL;
}

/* A reconnect of one socket is another connection: the top byte of its id tells them apart. */
static __always_inline __u64 next_socket_id(const struct tp_record *record, struct sock *sk) {
    __u64 generation = record->socket_id ? (record->socket_id >> 56) + 1 : 0;
    return first_socket_id(sk) | generation << 56;
}

static __always_inline __u64 wakeup_flags(void) {
    if (count(TP_COUNT_SENT_RING) & look_mask ||
        bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) <= wake_above_bytes)
        return BPF_RB_NO_WAKEUP;
    return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void send_closed(struct tp_record *record) {
    struct tp_record *out = bpf_ringbuf_reserve(&ring, sizeof(*out), 0);
    if (!out) {
        count(TP_COUNT_LOST_RING);
        return;
    }
    __builtin_memcpy(out, record, sizeof(*out));
    bpf_ringbuf_submit(out, wakeup_flags());
}

static __always_inline __u64 if_not_full(void) {
    return shared.storage_full ? 0 : BPF_SK_STORAGE_GET_F_CREATE;
}

/*
 * A socket without storage: only its beginning and its end are told of, so that it is counted in its
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
        count(oldstate == TCP_SYN_SENT ? TP_COUNT_FAILED : TP_COUNT_CLOSED);
        if (tp) {
            set_traffic(out, tp, had_closed(oldstate));
            /* Which side connected is not known, so neither whether its SYN is among what was acknowledged.
             */
            if (out->bytes_sent > tp->bytes_sent - tp->bytes_retrans)
                out->bytes_sent = tp->bytes_sent - tp->bytes_retrans;
        }
    }
    bpf_ringbuf_submit(out, wakeup_flags());
    return 0;
}

/* The end of a connection that we were not told of, when its socket is used for another: as last known. */
static __always_inline void end_unseen(struct tp_record *record, const struct sock *sk) {
    count(TP_COUNT_MADE_UP);
    record->state = TCP_CLOSE;
    record->end_ns = bpf_ktime_get_ns();
    if (record->flags & TP_FLAG_ESTABLISHED) {
        count(TP_COUNT_CLOSED);
    } else {
        set_local(record, sk);
        count(TP_COUNT_FAILED);
    }
    send_closed(record);
}

/* A record anew, of a socket that the process at hand connects or makes listen. `create`: if it has none. */
static __always_inline struct tp_record *begin_record(struct sock *sk, __u8 direction, __u8 state,
                                                      __u64 create) {
    struct tp_record *record = bpf_sk_storage_get(&sockets, sk, 0, create);
    if (!record)
        return 0;
    if (record->socket_id) { /* used before, else it is zero already */
        __u64 id = next_socket_id(record, sk);
        if (record->state != TCP_CLOSE && record->direction != TP_DIRECTION_LISTENER)
            end_unseen(record, sk);
        __builtin_memset(record, 0, sizeof(*record));
        record->socket_id = id;
    } else {
        record->socket_id = next_socket_id(record, sk);
    }
    record->start_ns = bpf_ktime_get_ns();
    record->direction = direction;
    record->direction_evidence = TP_DIRECTION_EVIDENCE_HANDSHAKE;
    set_remote(record, sk);
    set_pid(record, bpf_get_current_task_btf(), TP_PID_CONNECT);
    barrier();
    record->state = state; /* last: from here on emit_live believes the rest */
    return record;
}

/* connect(): in the caller's context, before the local port is chosen. */
static __always_inline void on_connecting(struct sock *sk) {
    count(TP_COUNT_CONNECTS);
    if (!begin_record(sk, TP_DIRECTION_CONNECTED, TCP_SYN_SENT, if_not_full()))
        send_untracked(sk, TP_DIRECTION_CONNECTED, TCP_CLOSE, TCP_SYN_SENT);
}

/* listen(): in the caller's context. */
static __always_inline void on_listening(struct sock *sk) {
    struct tp_record *record =
        begin_record(sk, TP_DIRECTION_LISTENER, TCP_LISTEN, BPF_SK_STORAGE_GET_F_CREATE);
    if (record)
        set_local(record, sk);
}

/* Every child carries a clone of its listener's record: without room it is given back. */
static __noinline int on_accepted_untracked(struct sock *sk) {
    count(TP_COUNT_OPENED_PASSIVE);
    bpf_sk_storage_delete(&sockets, sk);
    return send_untracked(sk, TP_DIRECTION_ACCEPTED, TCP_SYN_RECV, TCP_ESTABLISHED);
}

/*
 * The handshake is complete. For a connecting socket its record exists; an accepted one carries a clone of
 * its listener's, or nothing yet when the listener itself is not known. `oldstate` tells which end this is
 * where the record can't.
 */
static __always_inline void set_established(struct sock *sk, struct tp_record *record, int oldstate) {
    __u64 now = bpf_ktime_get_ns();
    if (record->direction == TP_DIRECTION_CONNECTED) {
        record->connect_us = (now - record->start_ns) / 1000;
        count(TP_COUNT_OPENED_ACTIVE);
    } else {
        record->socket_id = first_socket_id(sk);
        record->start_ns = now;
        record->direction_evidence = TP_DIRECTION_EVIDENCE_HANDSHAKE;
        if (record->direction == TP_DIRECTION_LISTENER) {
            record->listener_pid = record->pid;
            record->pid_evidence = TP_PID_LISTENER;
            record->held_in = 0; /* that was the listener, as what was sent */
            record->emitted_state = 0;
        }
        if (oldstate == TCP_SYN_RECV) {
            record->direction = TP_DIRECTION_ACCEPTED;
            count(TP_COUNT_OPENED_PASSIVE);
        } else if (oldstate == TCP_SYN_SENT) {
            record->direction = TP_DIRECTION_CONNECTED;
            count(TP_COUNT_OPENED_ACTIVE);
        } else { /* TCP_REPAIR: a connection restored, by no handshake */
            record->direction = TP_DIRECTION_UNKNOWN;
            record->direction_evidence = TP_DIRECTION_EVIDENCE_NONE;
        }
        record->flags &= ~TP_FLAG_SEEDED;
    }
    set_remote(record, sk);
    set_local(record, sk);
    record->emitted_epoch = 0;
    record->state = TCP_ESTABLISHED;
    barrier();
    record->flags |= TP_FLAG_ESTABLISHED;
}

static __always_inline void on_established(struct sock *sk, int oldstate) {
    struct tp_record *record;

    if (shared.storage_full && oldstate == TCP_SYN_RECV) {
        on_accepted_untracked(sk);
        return;
    }
    /* A connect that had no storage at its beginning gets none later: it would be counted twice. */
    record = bpf_sk_storage_get(
        &sockets, sk, 0, oldstate != TCP_SYN_RECV && shared.has_untracked ? 0 : BPF_SK_STORAGE_GET_F_CREATE);
    if (!record) {
        count(oldstate == TCP_SYN_RECV ? TP_COUNT_OPENED_PASSIVE : TP_COUNT_OPENED_ACTIVE);
        if (oldstate == TCP_SYN_RECV)
            send_untracked(sk, TP_DIRECTION_ACCEPTED, oldstate, TCP_ESTABLISHED);
        return;
    }
    set_established(sk, record, oldstate);
}

/* Whether a socket in this state, with this record, has completed a handshake that we were not told of. */
static __always_inline bool missed_handshake(const struct tp_record *record, int state) {
    if (record->flags & TP_FLAG_ESTABLISHED ||
        (record->direction != TP_DIRECTION_CONNECTED && record->direction != TP_DIRECTION_LISTENER))
        return false;
    return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
           state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

/* How long the handshake took is not known then. A listener's state never is one of these: a clone's is. */
static __always_inline void make_up_handshake(struct sock *sk, struct tp_record *record) {
    count(TP_COUNT_MADE_UP);
    set_established(sk, record, TCP_SYN_RECV);
    record->connect_us = 0;
}

/*
 * ESTABLISHED → FIN_WAIT1 and CLOSE_WAIT → LAST_ACK are made by close() or shutdown() only, so `current` is
 * the process that used the connection: what a listener's clone can't tell of a prefork server.
 */
static __always_inline void on_closing(struct tp_record *record, __u8 state) {
    record->state = state;
    if (record->direction == TP_DIRECTION_ACCEPTED && record->pid_evidence < TP_PID_CLOSE)
        set_pid(record, bpf_get_current_task_btf(), TP_PID_CLOSE);
}

/*
 * Why a connect failed. An ICMP error that comes while connect() is at work, as those of this machine's own
 * firewall do, does not end it: it is kept for later (sk_err_soft) and, by IPv4, queued too. A process that
 * is told of it this way and closes the socket has not given up for no reason. A connect whose port is taken
 * to that end, or all of them, does not come as far as its SYN.
 */
static __always_inline __u16 error_of_connect(const struct sock *sk, const struct tcp_sock *tp) {
    struct sock_exterr_skb *queued;
    __u32 read = 0, error;

    if (sk->sk_err)
        return sk->sk_err;
    if (sk->sk_err_soft)
        return sk->sk_err_soft;
    if (tp && !tp->segs_out)
        return EADDRNOTAVAIL;
    /* getsockopt(SO_ERROR) has taken it, and leaves the queue as it is. */
    if (!sk->sk_error_queue.qlen || !bpf_core_type_exists(struct sock_exterr_skb))
        return 0;
    queued = (struct sock_exterr_skb *)&sk->sk_error_queue.next->cb;
    bpf_core_read(&read, sizeof(read), &queued->ee.ee_errno);
    error = read;
    barrier_var(error); /* else it is loaded by the same instruction as the socket's, which is refused */
    return error;
}

/* `by_user`: the process at hand closed it. */
static __always_inline void on_closed(struct sock *sk, struct tp_record *record, bool by_user) {
    __u8 last = record->state;
    if (last == TCP_CLOSE)
        return;
    /* Set before the ring slot is taken: emit_live looks at it after taking its own, so that a live record
       can never follow the closed one. */
    record->state = TCP_CLOSE;
    record->end_ns = bpf_ktime_get_ns();
    record->error = sk->sk_err;
    struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
    if (tp) {
        set_traffic(record, tp, had_closed(last));
        if (!record->local_port)
            record->local_port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
    }
    if (record->flags & TP_FLAG_ESTABLISHED) {
        /* Straight to CLOSE by its user: close() with unread data, or a zero linger. */
        if (by_user && record->direction == TP_DIRECTION_ACCEPTED && record->pid_evidence < TP_PID_CLOSE)
            set_pid(record, bpf_get_current_task_btf(), TP_PID_CLOSE);
        count(TP_COUNT_CLOSED);
    } else if (record->direction == TP_DIRECTION_CONNECTED) {
        set_local(record, sk);
        if (tp)
            record->local_port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
        record->error = error_of_connect(sk, tp);
        count(TP_COUNT_FAILED);
    }
    send_closed(record);
}

/* A cloned child that has not completed its handshake: nothing of its own yet. */
static __always_inline bool is_embryo(const struct tp_record *record, int state) {
    return record->direction == TP_DIRECTION_LISTENER && state != TCP_LISTEN;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int oldstate, int newstate) {
    struct tp_record *record;

    switch (newstate) {
    case TCP_SYN_SENT:
        if (sk->sk_protocol == IPPROTO_TCP)
            on_connecting(sk);
        return 0;
    case TCP_LISTEN:
        if (sk->sk_protocol == IPPROTO_TCP)
            on_listening(sk);
        return 0;
    case TCP_ESTABLISHED:
        if (sk->sk_protocol == IPPROTO_TCP)
            on_established(sk, oldstate);
        return 0;
    case TCP_FIN_WAIT1:
    case TCP_LAST_ACK:
    case TCP_CLOSE:
        break;
    default:
        return 0; /* the half-closed states are read off the socket when it is sent */
    }
    record = bpf_sk_storage_get(&sockets, sk, 0, 0);
    if (!record) {
        if (newstate == TCP_CLOSE && shared.has_untracked && oldstate != TCP_LISTEN &&
            oldstate != TCP_SYN_RECV && sk->sk_protocol == IPPROTO_TCP)
            send_untracked(sk, TP_DIRECTION_UNKNOWN, oldstate, TCP_CLOSE);
        return 0;
    }
    if (missed_handshake(record, oldstate))
        make_up_handshake(sk, record);
    if (newstate == TCP_CLOSE) {
        if (!is_embryo(record, oldstate))
            on_closed(sk, record, sk->sk_lock.owned);
        return 0;
    }
    if (oldstate == TCP_SYN_RECV) /* fast open: accepted, served and closed before the handshake ended */
        on_established(sk, oldstate);
    on_closing(record, newstate);
    return 0;
}

/* Every TCP socket's last event. Does something only where the change into CLOSE was dropped. */
SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_destroy, struct sock *sk) {
    struct tp_record *record = bpf_sk_storage_get(&sockets, sk, 0, 0);

    if (!record || record->state == TCP_CLOSE || record->direction == TP_DIRECTION_LISTENER)
        return 0;
    count(TP_COUNT_MADE_UP);
    on_closed(sk, record, false);
    return 0;
}

/*
 * A process read from the socket: of all that may hold it, this one uses it. Covers prefork servers,
 * descriptors that were inherited or passed on, and io_uring, none of which accept() alone would tell.
 */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(on_read, struct sock *sk) {
    struct task_struct *task = bpf_get_current_task_btf();
    struct tp_record *record = bpf_sk_storage_get(&sockets, sk, 0, 0);

    if (!record || (record->pid_evidence == TP_PID_USE && is_process_of(record, task)))
        return 0;
    if (!sk->sk_lock.owned || record->direction == TP_DIRECTION_LISTENER)
        return 0; /* read in softirq by the kernel itself */
    set_pid(record, task, TP_PID_USE);
    return 0;
}

/* The traffic so far of a socket in this state. */
static __always_inline void set_live_traffic(struct tp_record *record, const struct tcp_sock *tp,
                                             __u8 state) {
    set_traffic(record, tp, state == TCP_FIN_WAIT2 || state == TCP_LAST_ACK || state == TCP_CLOSING);
}

/*
 * A live socket's record as it is now. That it is sent is noted in it before the slot is taken: a closed
 * record after it has the note, and one without it is of a socket that user space was never told of.
 * `wake`: the reader is to be woken when much waits, else it comes by itself.
 */
static __always_inline void send_live(struct tp_record *record, __u8 state, bool wake) {
    record->emitted_epoch = shared.epoch;
    record->emitted_state = state;
    barrier();
    struct tp_record *out = bpf_ringbuf_reserve(&ring, sizeof(*out), 0);
    if (!out) {
        record->emitted_epoch = 0;
        count(TP_COUNT_DEFERRED_RING);
        return;
    }
    __builtin_memcpy(out, record, sizeof(*out));
    out->state = state;
    if (record->state == TCP_CLOSE)
        bpf_ringbuf_discard(out, BPF_RB_NO_WAKEUP);
    else
        bpf_ringbuf_submit(out, wake ? wakeup_flags() : BPF_RB_NO_WAKEUP);
}

/* A connect() whose record is there already, or half of it, and its state not yet. */
static __always_inline bool is_beginning(const struct tp_record *record) {
    return !record->state ||
           (record->state == TCP_SYN_SENT && bpf_ktime_get_ns() - record->start_ns < CONNECT_BEGUN_NS);
}

SEC("iter/bpf_sk_storage_map")
int emit_live(struct bpf_iter__bpf_sk_storage_map *ctx) {
    struct sock *sk = ctx->sk;
    struct tp_record *record = ctx->value;
    struct tcp_sock *tp;
    __u8 state;

    if (!sk || !record)
        return 0;
    shared.stored++;
    if (record->state == TCP_CLOSE)
        return 0;
    state = sk->__sk_common.skc_state;
    if (is_embryo(record, state) && !missed_handshake(record, state))
        return 0;
    tp = bpf_skc_to_tcp_sock(sk);
    if (!tp)
        return 0;
    /* The kernel writes a state after telling of it. */
    if (missed_handshake(record, state))
        make_up_handshake(sk, record);
    if (state == TCP_CLOSE) {
        if (!is_beginning(record)) {
            count(TP_COUNT_MADE_UP);
            on_closed(sk, record, false);
        }
        return 0;
    }
    /* Pending connects are sent too, to be counted. */
    if (!(record->flags & TP_FLAG_ESTABLISHED) && record->direction != TP_DIRECTION_LISTENER &&
        record->state != TCP_SYN_SENT)
        return 0;
    if (record->direction == TP_DIRECTION_LISTENER) {
        shared.live++;
        if (record->emitted_epoch == shared.epoch)
            return 0;
        set_local(record, sk); /* listen() without bind() gets its port after the state change */
    } else {
        __u64 sent = record->bytes_sent, received = record->bytes_received;
        __u32 retransmits = record->retransmits;
        if (record->flags & TP_FLAG_ESTABLISHED)
            shared.live++;
        set_live_traffic(record, tp, state);
        if (record->emitted_epoch == shared.epoch && record->emitted_state == state &&
            record->bytes_sent == sent && record->bytes_received == received &&
            record->retransmits == retransmits)
            return 0;
    }
    send_live(record, state, false);
    return 0;
}

/* The TCP socket behind an open file of a process. */
static __always_inline struct sock *tcp_socket_of(struct task_struct *task, struct file *file) {
    struct socket *socket;
    struct sock *sk;

    if (!task || !file || task->flags & PF_KTHREAD)
        return 0;
    socket = bpf_sock_from_file(file);
    if (!socket)
        return 0;
    sk = socket->sk;
    if (!sk || sk->sk_protocol != IPPROTO_TCP)
        return 0;
    if (sk->__sk_common.skc_family != AF_INET && sk->__sk_common.skc_family != AF_INET6)
        return 0;
    return sk;
}

SEC("iter/task_file")
int confirm_holders(struct bpf_iter__task_file *ctx) {
    struct task_struct *task = ctx->task;
    struct sock *sk = tcp_socket_of(task, ctx->file);
    struct tp_record *record;
    struct tcp_sock *tp;
    __u8 state;

    if (!sk)
        return 0;
    state = sk->__sk_common.skc_state;
    record = bpf_sk_storage_get(&sockets, sk, 0, 0);
    if (!record) {
        if (state != TCP_ESTABLISHED && state != TCP_LISTEN && state != TCP_FIN_WAIT1 &&
            state != TCP_FIN_WAIT2 && state != TCP_CLOSE_WAIT && state != TCP_LAST_ACK &&
            state != TCP_CLOSING)
            return 0;
        record = bpf_sk_storage_get(&sockets, sk, 0,
                                    state == TCP_LISTEN ? BPF_SK_STORAGE_GET_F_CREATE : if_not_full());
        if (!record)
            return 0;
        if (record->socket_id)
            goto holder; /* a state change was faster */
        record->socket_id = first_socket_id(sk);
        record->state = state;
        record->flags = TP_FLAG_SEEDED;
        if (state == TCP_LISTEN) {
            record->direction = TP_DIRECTION_LISTENER;
            record->direction_evidence = TP_DIRECTION_EVIDENCE_LISTENER_TABLE;
        } else {
            record->flags |= TP_FLAG_ESTABLISHED;
        }
        set_remote(record, sk);
        set_local(record, sk);
        count(TP_COUNT_SEEDED);
        set_pid(record, task, TP_PID_TABLE_SCAN);
        /* Now, while all of it is at hand: a visit to all live sockets would have to fetch it again. */
        tp = bpf_skc_to_tcp_sock(sk);
        if (tp && state != TCP_LISTEN)
            set_live_traffic(record, tp, state);
        send_live(record, state, true);
        return 0;
    }
holder:
    if (!record->pid)
        set_pid(record, task, TP_PID_TABLE_SCAN);
    else if (is_process_of(record, task))
        record->held_in = shared.sweep;
    return 0;
}

SEC("iter/task_file")
int tell_holders(struct bpf_iter__task_file *ctx) {
    struct task_struct *task = ctx->task;
    struct sock *sk = tcp_socket_of(task, ctx->file);
    struct tp_record *record;

    if (!sk)
        return 0;
    record = bpf_sk_storage_get(&sockets, sk, 0, 0);
    if (!record || record->state == TCP_CLOSE)
        return 0;
    if (is_process_of(record, task)) {
        record->held_in = shared.sweep; /* accepted since the first look at it */
        return 0;
    }
    /* Its process has closed it or is gone, or never had it: that of a listener hands connections on. */
    if (record->held_in != (__u8)shared.sweep) {
        set_pid(record, task, TP_PID_TABLE_SCAN);
        return 0;
    }
    struct tp_holder holder = {
        .socket_id = record->socket_id,
        .pid_start_ns = task->group_leader->start_boottime,
        .pid = task->tgid,
        .is_listener = record->direction == TP_DIRECTION_LISTENER,
    };
    bpf_seq_write(ctx->meta->seq, &holder, sizeof(holder));
    return 0;
}
