/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * MPTCP: a process has a connection open as one socket of its own protocol, and its bytes go over subflows.
 * Each subflow is a TCP socket without a file. The first belongs to the connection; others join it.
 */
#ifndef TOPOPROBE_MPTCP_BPF_H
#define TOPOPROBE_MPTCP_BPF_H

#include "fields.bpf.h"
#include "kernel.h"
#include "record.h"
#include "sockets.bpf.h"

/*
 * The record of an MPTCP socket is that of its first subflow, which has the connection's addresses or listens
 * for it. The verifier allows no pointer to the subflow; its cookie leads to the record.
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
 * Records whether a socket is the first subflow of an MPTCP connection or one that joined. A client's socket
 * knows it only some time after its handshake, as the other end decides. A socket may also have fallen back
 * to TCP.
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
    /* The field is free: the connection's handshake is that of its first subflow. */
    record->connect_us = (__u32)cookie;
    record->flags |= TP_FLAG_MPTCP | TP_FLAG_SUBFLOW;
    return 0;
}

static __always_inline void note_mptcp(struct tp_record *record, const struct tcp_sock *tp) {
    if (bpf_core_field_exists(tp->is_mptcp) && tp->is_mptcp && !(record->flags & TP_FLAG_MPTCP))
        note_subflow(record, tp);
}

#endif
