/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The fields of a record, read off the kernel's structures: tuple, traffic, process, why a connect failed.
 */
#ifndef TOPOPROBE_FIELDS_BPF_H
#define TOPOPROBE_FIELDS_BPF_H

#include <linux/errno.h>
#include "kernel.h"
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

/* The same of one that lives: in FIN_WAIT1 its FIN is not acknowledged yet. */
static __always_inline bool may_have_acked_fin(int state) {
    return had_closed(state) && state != TCP_FIN_WAIT1;
}

/* Whether a socket in this state has, or had, its handshake behind it. */
static __always_inline bool is_established(int state) {
    return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
           state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

/* Whether the record's process is the one that `task` is a thread of: a PID alone is given to others later.
 */
static __always_inline bool is_process_of(const struct tp_record *record, const struct task_struct *task) {
    return record->pid == (__u32)task->tgid && record->pid_start_ns == task->group_leader->start_boottime;
}

static __always_inline void copy_process(struct tp_record *record, const struct task_struct *task) {
    record->pid = task->tgid;
    record->pid_start_ns = task->group_leader->start_boottime;
    __builtin_memcpy(record->comm, task->group_leader->comm, sizeof(record->comm));
}

/* 0: it has none yet. */
static __always_inline __u64 cookie_of(const struct sock *sk) {
    return sk->__sk_common.skc_cookie.counter & TP_COOKIE_MASK;
}

/* A reconnect of one socket is another connection: the top byte of its id tells them apart. */
static __always_inline __u64 next_socket_id(const struct tp_record *record, const struct sock *sk) {
    __u64 generation = record->socket_id ? (record->socket_id >> 56) + 1 : 0;
    return cookie_of(sk) | generation << 56;
}

/*
 * Now, by the socket's own clock. It has just looked at it when something came from the network, went there
 * or timed out (tcp_mstamp_refresh in net/ipv4), and asking again is one of the dear parts of a program.
 */
static __always_inline __u64 time_of(const struct tcp_sock *tp) {
    return tp && tp->tcp_clock_cache ? tp->tcp_clock_cache : bpf_ktime_get_ns();
}

/* When a CPU looked at the clock last. */
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

/* A time within the tick at hand (1 to 10 ms), not after now: the clock is looked at once in a tick. A
 * softirq may do so meanwhile, which is as good. */
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

#endif
