/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The kernel structures that the programs read, cut down to the fields used. `preserve_access_index` makes
 * libbpf find the real offsets in the running kernel's BTF: no kernel headers and no dumped vmlinux.h.
 */
#ifndef TOPOPROBE_KERNEL_H
#define TOPOPROBE_KERNEL_H

#include <linux/types.h>
#include <stdbool.h>

#define AF_INET       2
#define AF_INET6      10
#define IPPROTO_TCP   6
#define IPPROTO_MPTCP 262
#define PF_KTHREAD    0x00200000
#define SOCK_DONE     1

/* include/net/sock.h */
#define SOCK_BINDPORT_LOCK 8

/* include/net/tcp_states.h */
enum {
    TCP_ESTABLISHED = 1,
    TCP_SYN_SENT = 2,
    TCP_SYN_RECV = 3,
    TCP_FIN_WAIT1 = 4,
    TCP_FIN_WAIT2 = 5,
    TCP_TIME_WAIT = 6,
    TCP_CLOSE = 7,
    TCP_CLOSE_WAIT = 8,
    TCP_LAST_ACK = 9,
    TCP_LISTEN = 10,
    TCP_CLOSING = 11,
    TCP_NEW_SYN_RECV = 12,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* inum is the inode number of /proc/<pid>/ns/net. */
struct ns_common {
    unsigned int inum;
};

struct net {
    struct ns_common ns;
};

typedef struct {
    struct net *net;
} possible_net_t;

struct in6_addr {
    union {
        __u8 u6_addr8[16];
    } in6_u;
};

typedef struct {
    __s64 counter;
} atomic64_t;

/* Addresses, ports, namespace, and the cookie (0 until someone asks for it). skc_flags has SOCK_DONE once the
 * peer's FIN was received. In the kernel most fields are in anonymous unions, which CO-RE looks through. */
struct sock_common {
    __be32 skc_daddr;
    __be32 skc_rcv_saddr;
    __be16 skc_dport;
    __u16 skc_num;
    unsigned short skc_family;
    volatile unsigned char skc_state;
    int skc_bound_dev_if;
    unsigned long skc_flags;
    possible_net_t skc_net;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
    atomic64_t skc_cookie;
};

/* owned: a process holds the socket's lock, so `current` is one of its users; 0 in softirq. */
typedef struct {
    int owned;
} socket_lock_t;

/* The kernel queues an ICMP error for the process in a packet's control block. ee is that of
   linux/errqueue.h. */
struct sock_extended_err {
    __u32 ee_errno;
};
struct sock_exterr_skb {
    struct sock_extended_err ee;
};
struct sk_buff {
    char cb[48];
};
struct sk_buff_head {
    struct sk_buff *next;
    __u32 qlen;
};

/* sk_protocol: TCP, or SCTP and MPTCP, which share the tracepoint. sk_userlocks: SOCK_BINDPORT_LOCK if bind()
   chose the port; a bit field in some kernels. The others: why a connect failed, see error_of_connect(). */
struct sock {
    struct sock_common __sk_common;
    socket_lock_t sk_lock;
    __u16 sk_protocol;
    __u8 sk_userlocks;
    int sk_err;
    int sk_err_soft;
    struct sk_buff_head sk_error_queue;
};

/* inet_sport survives the transition to CLOSE, where skc_num is already 0. */
struct inet_sock {
    struct sock sk;
    __be16 inet_sport;
};

/* A connection that waits to be accepted: sk is its socket. */
struct request_sock {
    struct request_sock *dl_next;
    struct sock *sk;
};
struct request_sock_queue {
    struct request_sock *rskq_accept_head;
};

struct inet_connection_sock {
    struct inet_sock icsk_inet;
    struct request_sock_queue icsk_accept_queue;
    void *icsk_ulp_data; /* of a subflow of MPTCP: its mptcp_subflow_context */
};

struct list_head {
    struct list_head *next;
};

/* bytes_sent: payload handed to the network, with retransmissions. tcp_clock_cache: when the socket last sent
   or received, CLOCK_MONOTONIC. tsq_node: see listener_key(). */
struct tcp_sock {
    struct inet_connection_sock inet_conn;
    __u64 bytes_received;
    __u64 bytes_sent;
    __u64 bytes_acked;
    __u64 bytes_retrans;
    __u32 snd_una;
    __u32 snd_nxt;
    __u32 write_seq;
    __u32 srtt_us;
    __u32 total_retrans;
    __u32 segs_out; /* 0: not even the SYN of a connect */
    __u64 tcp_clock_cache;
    struct list_head tsq_node;
    bool is_mptcp; /* a subflow; absent from kernels without MPTCP */
};

/* net/mptcp/protocol.h; conn is the mptcp_sock that a subflow belongs to. */
struct mptcp_sock {
    struct inet_connection_sock sk;
    struct sock *first;
};
struct mptcp_subflow_context {
    __u32 request_join : 1;
    __u32 mp_capable : 1;
    __u32 mp_join : 1;
    struct sock *tcp_sock;
    struct sock *conn;
};

struct socket {
    struct sock *sk;
};

struct file;
struct seq_file;
struct bpf_map;

struct pid_namespace {
    struct ns_common ns;
};

struct upid {
    int nr;
    struct pid_namespace *ns;
};

/* A process's PIDs, from the outermost PID namespace (level 0) to its own. */
struct pid {
    unsigned int level;
    struct upid numbers[1];
};

/* flags: PF_KTHREAD for kernel threads. start_boottime and tgid identify a process even after its PID was
 * reused. thread_pid is gone with the task. */
struct task_struct {
    unsigned int flags;
    int tgid;
    __u64 start_boottime;
    struct task_struct *group_leader;
    struct pid *thread_pid;
    char comm[16];
};

struct bpf_iter_meta {
    struct seq_file *seq;
    __u64 session_id;
    __u64 seq_num;
};

struct bpf_iter__task_file {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
    __u32 fd;
    struct file *file;
};

struct bpf_iter__tcp {
    struct bpf_iter_meta *meta;
    struct sock_common *sk_common;
};

#pragma clang attribute pop

#endif
