/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The tracker: one record per TCP socket, in a table that user space reads. The socket's state changes keep
 * it up to date. No event wakes user space by itself. src/ebpf/tracker_programs.cc lists the programs by
 * name; only on_tcp_state is indispensable.
 *
 *   on_tcp_state: every state change of every TCP socket of every namespace. A closed socket's record stays
 *                 until user space takes it. The reader is woken when a quarter of the table may wait.
 *   on_destroy:   a socket's last event. Its place is free once its record was taken. A socket whose end no
 *                 event reported ends here.
 *   on_read:      a process took data from a socket: of all fd holders, this one uses it.
 *   scan_files, scan_namespace:
 *                 iterators over all open files, and over the sockets of a network namespace. They scan
 *                 live sockets for what these transferred: no event reports it.
 *   sweep_adopt, sweep_holders:
 *                 iterators over all open files, run one after the other: a sweep. The first adopts sockets
 *                 that existed before, and confirms which processes still hold theirs. The second moves each
 *                 socket that its process has closed to a process that holds it, and reports all other fd
 *                 holders.
 *
 * The kernel does not run a program again on a CPU where it runs already (__bpf_trace_run in
 * kernel/trace/bpf_trace.c): a softirq that interrupts on_tcp_state in a process's context has its own state
 * changes dropped, where network cards interrupt about one in a hundred. What a process does (connect,
 * listen, close, shut down) is never dropped. The other changes, into SYN_RECV, ESTABLISHED and CLOSE, are
 * inferred from what follows them: the next change, a read, a scan, or on_destroy.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>
#include "changes.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* A process closes or shuts down an MPTCP connection. A kernel thread does the same to the subflows later,
 * where `current` is not the process. */
static __always_inline void on_mptcp_state(struct sock *sk, int newstate) {
    struct entry entry;

    if (!sk->sk_lock.owned ||
        (newstate != TCP_FIN_WAIT1 && newstate != TCP_LAST_ACK && newstate != TCP_CLOSE))
        return;
    if (find_mptcp(sk, &entry) && entry.record->state != TCP_CLOSE)
        note_closer(&entry);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int oldstate, int newstate) {
    struct entry entry;

    if (sk->sk_protocol != IPPROTO_TCP) {
        if (sk->sk_protocol == IPPROTO_MPTCP)
            on_mptcp_state(sk, newstate);
        return 0;
    }
    switch (newstate) {
    case TCP_SYN_SENT:
        on_connecting(sk);
        return 0;
    case TCP_LISTEN:
        on_listening(sk);
        return 0;
    case TCP_SYN_RECV:
        if (oldstate == TCP_LISTEN)
            remember_child(sk);
        return 0;
    case TCP_ESTABLISHED:
        on_established(sk, oldstate);
        return 0;
    }
    /* Fast open: accepted, served and closed before the handshake ended. */
    if (oldstate == TCP_SYN_RECV && newstate == TCP_FIN_WAIT1)
        on_established(sk, oldstate);
    if (!find(sk, &entry) && !infer_accepted(sk, &entry, oldstate)) {
        /* A listener's child ends before its handshake. The kernel has counted it as accepted
         * (tcp_create_openreq_child in net/ipv4/tcp_minisocks.c), but nobody has a connection. This happens
         * where two CPUs receive the client's ACK and its RST at once: the RST drops the request, and the
         * child finds that it replaces nothing (inet_ehash_nolisten in net/ipv4/inet_hashtables.c). So do
         * refused MPTCP joins, and fast-open children that are reset. */
        if (newstate == TCP_CLOSE && oldstate == TCP_SYN_RECV)
            send_untracked(sk, TP_DIRECTION_ACCEPTED, oldstate, TCP_CLOSE);
        else if (newstate == TCP_CLOSE && shared.has_untracked && oldstate != TCP_LISTEN)
            send_untracked(sk, TP_DIRECTION_UNKNOWN, oldstate, TCP_CLOSE);
        return 0;
    }
    if (missed_handshake(entry.record, oldstate))
        infer_handshake(sk, &entry);
    if (newstate == TCP_CLOSE) {
        on_closed(sk, &entry, sk->sk_lock.owned);
        return 0;
    }
    entry.record->state = newstate;
    if (newstate == TCP_FIN_WAIT1 || newstate == TCP_LAST_ACK)
        note_closer(&entry);
    if (entry.word)
        raise_flags(entry.word, TP_WORD_DIRTY);
    return 0;
}

/* The last event of every TCP socket. */
SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_destroy, struct sock *sk) {
    struct entry entry;

    if (!find(sk, &entry))
        return 0;
    if (entry.record->state != TCP_CLOSE) {
        count(TP_COUNT_INFERRED);
        on_closed(sk, &entry, false);
    }
    release(sk, &entry);
    return 0;
}

/*
 * A process read from the socket: of all fd holders, this one uses it. Covers prefork servers, descriptors
 * that were inherited or passed on, and io_uring: accept() alone would give the wrong process.
 */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(on_read, struct sock *sk) {
    struct task_struct *task = bpf_get_current_task_btf();
    struct entry entry;

    if (!find(sk, &entry)) {
        if (!sk->sk_lock.owned || !infer_accepted(sk, &entry, sk->__sk_common.skc_state))
            return 0;
    }
    if (entry.record->pid_evidence == TP_PID_USE && is_process_of(entry.record, task))
        return 0;
    if (!sk->sk_lock.owned || entry.record->direction == TP_DIRECTION_LISTENER)
        return 0; /* read in softirq by the kernel itself */
    if (missed_handshake(entry.record, sk->__sk_common.skc_state))
        infer_handshake(sk, &entry);
    set_pid(&entry, task, TP_PID_USE);
    return 0;
}

/* A process sends on an MPTCP connection, and the kernel chooses the subflow. No event reports a read from
 * such a connection. */
SEC("tp_btf/mptcp_subflow_get_send")
int BPF_PROG(on_mptcp_send, struct mptcp_subflow_context *subflow) {
    struct task_struct *task = bpf_get_current_task_btf();
    struct sock *sk = subflow->tcp_sock, *connection = subflow->conn;
    struct entry entry;

    if (!sk || !connection || !connection->sk_lock.owned || !find(sk, &entry))
        return 0;
    if (entry.record->state == TCP_CLOSE || entry.record->direction == TP_DIRECTION_LISTENER)
        return 0;
    if (entry.record->pid_evidence != TP_PID_USE || !is_process_of(entry.record, task))
        set_pid(&entry, task, TP_PID_USE);
    return 0;
}

/* A connect() or listen() whose record exists and whose state is not set yet: the kernel reports the state
 * before it writes it. */
static __always_inline bool is_beginning(const struct tp_record *record) {
    return (record->state == TCP_SYN_SENT || record->state == TCP_LISTEN) &&
           bpf_ktime_get_ns() - record->start_ns < CONNECT_BEGUN_NS;
}

static __always_inline void set_live_traffic(struct entry *entry, const struct tcp_sock *tp, __u8 state) {
    struct tp_record *record = entry->record;
    __u64 sent = record->bytes_sent, received = record->bytes_received;
    __u32 retransmits = record->retransmits;

    if (entry->word && *entry->word & TP_WORD_CLOSED)
        return; /* keep the final counters */
    set_traffic(record, tp, may_have_acked_fin(state));
    if (record->bytes_sent == sent && record->bytes_received == received &&
        record->retransmits == retransmits && (entry->word || record->emitted_state == record->state))
        return;
    report(entry, 0);
}

/* Whether the whole record is written: another CPU may be at it. */
static __always_inline bool is_complete(const struct entry *entry) {
    const struct tp_record *record = entry->record;
    if (entry->word)
        return *entry->word & (TP_WORD_LIVE | TP_WORD_PENDING);
    return record->emitted_state || record->flags & TP_FLAG_ESTABLISHED;
}

/* Records what no event reports: the news of a live socket. Once per round, for any number of fd holders. */
static __always_inline void scan_socket(struct sock *sk, struct entry *entry) {
    struct tp_record *record = entry->record;
    __u8 state = sk->__sk_common.skc_state;
    struct tcp_sock *tp;

    if (!is_complete(entry) || record->state == TCP_CLOSE || record->scan_round == shared.round)
        return;
    record->scan_round = shared.round;
    if (missed_handshake(record, state))
        infer_handshake(sk, entry);
    if (state == TCP_CLOSE) {
        if (!is_beginning(record)) {
            count(TP_COUNT_INFERRED);
            on_closed(sk, entry, false);
        }
        return;
    }
    if (record->direction == TP_DIRECTION_LISTENER) {
        if (record->local_port != sk->__sk_common.skc_num) {
            set_local(record, sk);
            report(entry, 0);
        }
        return;
    }
    /* connect() had no port yet. A connect that waits long is reported before its answer, with the port. */
    if (state == TCP_SYN_SENT && record->state == TCP_SYN_SENT)
        set_local(record, sk);
    tp = bpf_skc_to_tcp_sock(sk);
    if (tp && record->flags & TP_FLAG_ESTABLISHED) {
        __u8 flags = record->flags;
        bool is_found = find_side(record, sk, tp, state, false);
        note_mptcp(record, tp);
        set_live_traffic(entry, tp, state);
        if (is_found || record->flags != flags)
            report(entry, 0);
    }
}

/*
 * Adopts a socket that is older than the programs. False: its state is not reported, there is no room, or a
 * state change was faster.
 */
static __always_inline bool adopt(struct sock *sk, struct task_struct *task, struct entry *entry) {
    __u8 state = sk->__sk_common.skc_state;
    struct tp_record *record;
    struct tcp_sock *tp;

    if (state != TCP_LISTEN && (!is_established(state) || shared.table_full))
        return false;
    if (!create(sk, entry))
        return false;
    record = entry->record;
    if (record->socket_id)
        return false;
    record->socket_id = cookie_of(sk);
    record->state = state;
    record->flags = TP_FLAG_SEEDED;
    if (state == TCP_LISTEN) {
        record->direction = TP_DIRECTION_LISTENER;
        record->direction_evidence = TP_DIRECTION_EVIDENCE_LISTENER_TABLE;
        remember_listener(sk);
    } else {
        record->flags |= TP_FLAG_ESTABLISHED;
    }
    set_remote(record, sk);
    set_local(record, sk);
    count(TP_COUNT_SEEDED);
    if (task)
        set_pid(entry, task, TP_PID_TABLE_SCAN);
    /* Now, while it is in the cache: a scan would have to load it again. */
    tp = bpf_skc_to_tcp_sock(sk);
    if (tp && state != TCP_LISTEN) {
        find_side(record, sk, tp, state, false);
        note_mptcp(record, tp);
        set_traffic(record, tp, may_have_acked_fin(state));
    }
    report(entry, TP_WORD_LIVE);
    return true;
}

/* The TCP or MPTCP socket behind an open file of a process. */
static __always_inline struct sock *socket_of(struct task_struct *task, struct file *file) {
    struct socket *socket;
    struct sock *sk;

    if (!task || !file || task->flags & PF_KTHREAD)
        return 0;
    socket = bpf_sock_from_file(file);
    if (!socket)
        return 0;
    sk = socket->sk;
    if (!sk || (sk->sk_protocol != IPPROTO_TCP && sk->sk_protocol != IPPROTO_MPTCP))
        return 0;
    if (sk->__sk_common.skc_family != AF_INET && sk->__sk_common.skc_family != AF_INET6)
        return 0;
    return sk;
}

/* The iterator passes files that are no sockets much faster. */
#define OTHER_FILES 63

/* One byte of output per socket: reading so many bytes of an iterator scans so many sockets. */
static __always_inline void count_scanned(struct bpf_iter_meta *meta) {
    __u8 one = 1;
    bpf_seq_write(meta->seq, &one, sizeof(one));
}

SEC("iter/task_file")
int scan_files(struct bpf_iter__task_file *ctx) {
    struct sock *sk = socket_of(ctx->task, ctx->file);
    struct entry entry;

    if (!sk) {
        if (!(ctx->meta->seq_num & OTHER_FILES))
            count_scanned(ctx->meta);
        return 0;
    }
    /* Subflows of MPTCP are sockets without a file. */
    if (sk->sk_protocol == IPPROTO_TCP && find(sk, &entry))
        scan_socket(sk, &entry);
    count_scanned(ctx->meta);
    return 0;
}

SEC("iter/tcp")
int scan_namespace(struct bpf_iter__tcp *ctx) {
    struct sock_common *any = ctx->sk_common;
    struct entry entry;
    struct tcp_sock *tp;
    struct sock *sk;

    if (!any)
        return 0;
    count_scanned(ctx->meta);
    tp = bpf_skc_to_tcp_sock(any);
    if (!tp)
        return 0; /* a request or TIME_WAIT: there may be very many */
    sk = &tp->inet_conn.icsk_inet.sk;
    if (find(sk, &entry))
        scan_socket(sk, &entry);
    else if (!shared.seeded)
        adopt(sk, 0, &entry);
    return 0;
}

/* `task` has the socket open. */
static __always_inline void confirm(struct entry *entry, struct task_struct *task) {
    struct tp_record *record = entry->record;

    if (record->state == TCP_CLOSE)
        return;
    /* Of several fd holders take one with a PID in our namespace. */
    if (!has_process(record) || (!record->pid && pid_of(task)))
        set_pid(entry, task, TP_PID_TABLE_SCAN);
    else if (is_process_of(record, task))
        record->held_in = shared.sweep;
}

SEC("iter/task_file")
int sweep_adopt(struct bpf_iter__task_file *ctx) {
    struct task_struct *task = ctx->task;
    struct sock *sk = socket_of(task, ctx->file);
    struct entry entry;

    if (!sk)
        return 0;
    if (sk->sk_protocol == IPPROTO_MPTCP) {
        if (find_mptcp(sk, &entry))
            confirm(&entry, task);
        else
            shared.unknown_mptcp = 1;
        return 0;
    }
    if (!find(sk, &entry) && !infer_accepted(sk, &entry, sk->__sk_common.skc_state)) {
        adopt(sk, task, &entry);
        return 0;
    }
    confirm(&entry, task);
    return 0;
}

/* The most connections waiting at a listener that get its process; others get one when they are accepted. */
#define MOST_WAITING 64

/*
 * Connections that are older than the programs and not accepted yet have no file and no fd holder: they get
 * their listener's process. The queue changes meanwhile, so only numbers are read through its pointers.
 */
static __noinline int give_waiting(const struct tp_record *listener, const struct tcp_sock *tp) {
    const struct request_sock *request = tp->inet_conn.icsk_accept_queue.rskq_accept_head;
    struct entry entry;

    for (int i = 0; i < MOST_WAITING && request; i++) {
        const struct sock *sk = 0;
        __u64 cookie = 0;

        bpf_core_read(&sk, sizeof(sk), &request->sk);
        bpf_core_read(&request, sizeof(request), &request->dl_next);
        if (!sk)
            continue;
        bpf_core_read(&cookie, sizeof(cookie), &sk->__sk_common.skc_cookie);
        cookie &= TP_COOKIE_MASK;
        if (cookie && find_cookie(cookie, &entry) && !has_process(entry.record) &&
            entry.record->state != TCP_CLOSE)
            set_listener(&entry, listener);
    }
    return 0;
}

SEC("iter/task_file")
int sweep_holders(struct bpf_iter__task_file *ctx) {
    struct task_struct *task = ctx->task;
    struct sock *sk = socket_of(task, ctx->file);
    struct tp_record *record;
    struct entry entry;

    if (!sk)
        return 0;
    if (sk->sk_protocol == IPPROTO_MPTCP ? !find_mptcp(sk, &entry) : !find(sk, &entry))
        return 0;
    record = entry.record;
    if (record->state == TCP_CLOSE)
        return 0;
    if (record->direction == TP_DIRECTION_LISTENER && has_process(record) && sk->sk_protocol == IPPROTO_TCP) {
        struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
        if (tp)
            give_waiting(record, tp);
    }
    if (is_process_of(record, task)) {
        record->held_in = shared.sweep; /* accepted since the first half */
        return 0;
    }
    /* Its process has closed it, is gone, or never had it: a listener's process may pass connections on. */
    if (record->held_in != (__u8)shared.sweep) {
        set_pid(&entry, task, TP_PID_TABLE_SCAN);
        return 0;
    }
    struct tp_holder holder = {
        .socket_id = record->socket_id,
        .pid_start_ns = task->group_leader->start_boottime,
        .pid = pid_of(task),
        .is_listener = record->direction == TP_DIRECTION_LISTENER,
    };
    if (!holder.pid)
        return 0;
    bpf_seq_write(ctx->meta->seq, &holder, sizeof(holder));
    return 0;
}
