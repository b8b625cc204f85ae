/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * MPTCP: a connection that a process has open as one socket, of a protocol of its own, and whose bytes go
 * over subflows. Each of those is a TCP socket without a file. The first is the connection's; others join it.
 */
#ifndef TOPOPROBE_MPTCP_BPF_H
#define TOPOPROBE_MPTCP_BPF_H

#include "fields.bpf.h"
#include "kernel.h"
#include "record.h"
#include "sockets.bpf.h"

/*
 * The record of an MPTCP socket: that of its first subflow, which has the connection's addresses, or listens
 * for it. The subflow itself can't be had, as the verifier lets nobody follow a pointer to it; its cookie
 * can.
 */
static __always_inline bool find_mptcp(const struct sock *sk, struct entry *entry) {
    struct sock *first = 0;
    __u64 cookie = 0;

    if (!bpf_core_type_exists(struct mptcp_sock))
        return false;
    bpf_core_read(&first, sizeof(first), &((struct mptcp_sock *)sk)->first);
    if (!first)
        return false;
    bpf_core_read(&cookie, sizeof(cookie), &first->__sk_common.skc_cookie);
    cookie &= TP_COOKIE_MASK;
    return cookie && find_cookie(cookie, entry);
}

/*
 * Notes what a socket is to an MPTCP connection: its first subflow, or one that joined. Which, a client's
 * socket knows only some time after its handshake, as the other end decides; and a socket that MPTCP was
 * asked for may have fallen back to TCP.
 */
static __noinline int note_subflow(struct tp_record *record, const struct tcp_sock *tp) {
    struct mptcp_subflow_context *subflow = tp->inet_conn.icsk_ulp_data;
    struct sock *connection = 0, *first = 0;
    __u64 cookie = 0;

    if (!subflow)
        return 0;
    if (BPF_CORE_READ_BITFIELD_PROBED(subflow, mp_capable)) {
        record->flags |= TP_FLAG_MPTCP;
        return 0;
    }
    if (!BPF_CORE_READ_BITFIELD_PROBED(subflow, mp_join) &&
        !BPF_CORE_READ_BITFIELD_PROBED(subflow, request_join))
        return 0;
    bpf_core_read(&connection, sizeof(connection), &subflow->conn);
    if (!connection)
        return 0;
    bpf_core_read(&first, sizeof(first), &((struct mptcp_sock *)connection)->first);
    if (!first)
        return 0;
    bpf_core_read(&cookie, sizeof(cookie), &first->__sk_common.skc_cookie);
    if (!(__u32)cookie)
        return 0;
    /* How long its handshake took is the connection's no more than that of its first subflow. */
    record->connect_us = (__u32)cookie;
    record->flags |= TP_FLAG_MPTCP | TP_FLAG_SUBFLOW;
    return 0;
}

static __always_inline void note_mptcp(struct tp_record *record, const struct tcp_sock *tp) {
    if (bpf_core_field_exists(tp->is_mptcp) && tp->is_mptcp && !(record->flags & TP_FLAG_MPTCP))
        note_subflow(record, tp);
}

#endif
