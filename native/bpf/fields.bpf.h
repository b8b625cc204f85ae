/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The fields of a record, read from the kernel's structures: tuple, traffic, process, error of a connect.
 */
#ifndef TOPOPROBE_FIELDS_BPF_H
#define TOPOPROBE_FIELDS_BPF_H

#include <linux/errno.h>
#include "kernel.h"
#include "processes.bpf.h"
#include "socket_table.h"

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
 * The kernel counts sequence numbers, and SYN and FIN are no payload. bytes_acked includes our SYN if this
 * side connected, and our FIN once it is acknowledged. bytes_received includes the peer's FIN.
 */
static __always_inline void set_traffic(struct tp_record *record, const struct tcp_sock *tp, bool fin_sent) {
    const struct sock *sk = &tp->inet_conn.icsk_inet.sk;
    __u64 sent = tp->bytes_acked;
    __u64 received = tp->bytes_received;

    if (sent && record->direction == TP_DIRECTION_CONNECTED)
        sent--;
    if (sent && fin_sent && tp->snd_una == tp->write_seq)
        sent--;
    /* bytes_acked may include our SYN. The payload is at most what was sent once. */
    if (record->direction == TP_DIRECTION_UNKNOWN && sent > tp->bytes_sent - tp->bytes_retrans)
        sent = tp->bytes_sent - tp->bytes_retrans;
    if (received && (sk->__sk_common.skc_flags & 1 << SOCK_DONE))
        received--;
    record->bytes_sent = sent;
    record->bytes_received = received;
    record->srtt_us = tp->srtt_us >> 3;
    record->retransmits = tp->total_retrans;
}

/* Whether a socket in this state, or that ended in it, had closed its side: bytes_acked may include its FIN,
 * or the FIN is still to be sent. */
static __always_inline bool had_closed(int state) {
    return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

/* A socket that neither sends nor receives for so long does not update its counters just now. */
#define QUIET_NS 10000000ULL

/*
 * The direction of a connection whose handshake we did not see. Acknowledged bytes and bytes under way are
 * the payload sent once, the SYN of the side that connected, and the FIN. bytes_sent has no SYN: a difference
 * of one means that this side connected. A restored connection (TCP_REPAIR) has sent no SYN either, but
 * bind() chose its port; an accepted socket is never bound.
 */
static __always_inline __u8 side_by_counts(struct sock *sk, const struct tcp_sock *tp, bool fin_queued) {
    __u64 counted = tp->bytes_acked + (__u32)(tp->snd_nxt - tp->snd_una);
    __u64 payload = tp->bytes_sent - tp->bytes_retrans;

    if (fin_queued && tp->snd_nxt == tp->write_seq)
        counted--;
    if (counted == payload + 1)
        return TP_DIRECTION_CONNECTED;
    if (counted == payload && !(BPF_CORE_READ_BITFIELD(sk, sk_userlocks) & SOCK_BINDPORT_LOCK))
        return TP_DIRECTION_ACCEPTED;
    return TP_DIRECTION_UNKNOWN; /* a counter is off: a segment could not be sent again */
}

/*
 * Records the direction of a connection that is older than the programs. True: it is known now. `locked`:
 * nothing else changes the socket. Without the lock it must be quiet, as the counters belong together.
 */
static __always_inline bool find_side(struct tp_record *record, struct sock *sk, const struct tcp_sock *tp,
                                      int state, bool locked) {
    __u64 active = tp->tcp_clock_cache;
    __u8 side;

    if (record->direction != TP_DIRECTION_UNKNOWN || !(record->flags & TP_FLAG_SEEDED))
        return false;
    if (!locked && bpf_ktime_get_ns() - active < QUIET_NS)
        return false;
    side = side_by_counts(sk, tp, had_closed(state));
    barrier();
    if (side == TP_DIRECTION_UNKNOWN || (!locked && tp->tcp_clock_cache != active))
        return false;
    record->direction_evidence = TP_DIRECTION_EVIDENCE_HANDSHAKE;
    record->direction = side;
    return true;
}

/* had_closed() for a live socket: in FIN_WAIT1 its FIN is not acknowledged yet. */
static __always_inline bool may_have_acked_fin(int state) {
    return had_closed(state) && state != TCP_FIN_WAIT1;
}

/* Whether a socket in this state has, or had, its handshake behind it. */
static __always_inline bool is_established(int state) {
    return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
           state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

/* 0: the socket has none yet. */
static __always_inline __u64 cookie_of(const struct sock *sk) {
    return sk->__sk_common.skc_cookie.counter & TP_COOKIE_MASK;
}

/* A reconnect of one socket is another connection: the top byte of the id counts them. */
static __always_inline __u64 next_socket_id(const struct tp_record *record, const struct sock *sk) {
    __u64 generation = record->socket_id ? (record->socket_id >> 56) + 1 : 0;
    return cookie_of(sk) | generation << 56;
}

/*
 * Now, by the socket's own clock: TCP reads the clock whenever it sends, receives or times out
 * (tcp_mstamp_refresh in net/ipv4). Reading it again is one of the expensive parts of a program.
 */
static __always_inline __u64 time_of(const struct tcp_sock *tp) {
    return tp && tp->tcp_clock_cache ? tp->tcp_clock_cache : bpf_ktime_get_ns();
}

/* When a CPU last read the clock. */
struct tick {
    __u64 jiffies;
    __u64 ns;
};
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct tick);
} ticks SEC(".maps");

/* A time within the current tick (1 to 10 ms), not after now: the clock is read once per tick. A softirq that
 * reads it meanwhile does no harm. */
static __always_inline __u64 coarse_time(void) {
    __u64 jiffies = bpf_jiffies64();
    __u32 only = 0;
    struct tick *tick = bpf_map_lookup_elem(&ticks, &only);
    __u64 now;

    if (tick && tick->jiffies == jiffies)
        return tick->ns;
    now = bpf_ktime_get_ns();
    if (tick) {
        tick->ns = now;
        tick->jiffies = jiffies;
    }
    return now;
}

/*
 * Why a connect failed. An ICMP error that arrives while connect() runs, as those of this machine's own
 * firewall do, does not end it: the kernel keeps it (sk_err_soft), and IPv4 queues it too. A process that
 * reads it there and closes the socket has a reason. A connect whose local port is taken for that remote end,
 * or that finds none free, sends no SYN.
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
    /* getsockopt(SO_ERROR) clears the error and leaves the queue as it is. */
    if (!sk->sk_error_queue.qlen || !bpf_core_type_exists(struct sock_exterr_skb))
        return 0;
    queued = (struct sock_exterr_skb *)&sk->sk_error_queue.next->cb;
    bpf_core_read(&read, sizeof(read), &queued->ee.ee_errno);
    error = read;
    barrier_var(error); /* else one instruction loads it and the socket's error, which the verifier refuses */
    return error;
}

#endif
