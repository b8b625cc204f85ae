/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The flat connection record: one TCP socket (one end of a connection) or one listener. Also the other rows
 * that JavaScript reads as plain memory.
 *
 * Shared by the BPF programs, the C++ binding and TypeScript. `make layout` generates from it, with these
 * comments, what TypeScript reads by (src/probe/records/layout.ts) and assertions about what C++ compiled
 * (src/ebpf/record_layout.h). Its grammar is small: members of fixed width, aligned to their size; values of
 * enums are spelled out.
 */
#ifndef TOPOPROBE_RECORD_H
#define TOPOPROBE_RECORD_H

#include <linux/types.h>

enum tp_direction {
    TP_DIRECTION_UNKNOWN = 0,
    TP_DIRECTION_CONNECTED = 1,
    TP_DIRECTION_ACCEPTED = 2,
    TP_DIRECTION_LISTENER = 3,
};

/* How the PID is known, weakest first. A weaker evidence replaces a stronger one only after the process has
   closed the socket. */
enum tp_pid_evidence {
    TP_PID_NONE = 0,
    TP_PID_LISTENER = 1,   /* the process of the listener it was accepted from */
    TP_PID_TABLE_SCAN = 2, /* found holding a descriptor of it */
    TP_PID_CONNECT = 3,    /* called connect() or listen() */
    TP_PID_CLOSE = 4,      /* closed or shut it down */
    TP_PID_USE = 5,        /* read from it */
};

/* How the direction is known, weakest first. */
enum tp_direction_evidence {
    TP_DIRECTION_EVIDENCE_NONE = 0,
    TP_DIRECTION_EVIDENCE_PORT_GUESS = 1,
    TP_DIRECTION_EVIDENCE_LISTENER_TABLE = 2,
    TP_DIRECTION_EVIDENCE_CONNTRACK = 3,
    TP_DIRECTION_EVIDENCE_HANDSHAKE = 4, /* it was seen, or follows from the socket's byte counters */
};

enum tp_flag {
    /* the handshake was completed; without it a closed record is a failed connect */
    TP_FLAG_ESTABLISHED = 1,
    /* existed before the source started */
    TP_FLAG_SEEDED = 2,
    /* an earlier batch had it already; no source sets this: it is added where batches are made */
    TP_FLAG_REPORTED = 4,
    /* an MPTCP connection; the record is of its first subflow, with the bytes of all */
    TP_FLAG_MPTCP = 8,
    /* inside the eBPF source: a subflow that joined; `connect_us` is the low word of the first one's cookie
     */
    TP_FLAG_SUBFLOW = 16,
    /* a connect that has waited for an answer for a while; no source sets this either */
    TP_FLAG_UNANSWERED = 32,
    /* began and ended between two snapshots: its socket has no other record; sources may leave it out */
    TP_FLAG_BRIEF = 64,
    /* inside the eBPF source: its socket has no record, only its beginning and its end are reported */
    TP_FLAG_UNTRACKED = 128,
};

/* Set by the loader, once. Constants to the programs, so that what is off costs nothing. */
struct tp_settings {
    /* The reader is woken when more than this many bytes wait in the ring. Checking that costs as much as
     * writing a record: `look_mask` has it done for one socket in so many (a power of two, less one). */
    __u64 wake_above_bytes;
    __u64 look_mask;
    __u64 take_mask;   /* the reader is woken for one in so many sockets that end in the table */
    __u32 table_mask;  /* places of the table, less one */
    __u32 has_destroy; /* the program that frees places is there: a kernel can refuse it */
    /* inode of the PID namespace whose PIDs are reported; 0: the outermost, with the kernel's own PIDs */
    __u32 pid_namespace;
    __u32 reserved;
};

/* Shared by the BPF programs and user space, in the programs' global data. */
struct tp_shared {
    __u32 table_full;    /* set by user space: no further socket gets a record, but listeners */
    __u32 has_untracked; /* set by the programs: there may be sockets without a record */
    __u32 sweep;         /* number of the current or last sweep, 1 to 255; counted by user space */
    __u32 round;         /* number of the current round of scans, never 0; counted by user space */
    __u32 seeded;        /* set by user space: all sockets older than the programs have a record */
    __u32 pid_level;     /* level of that PID namespace, once the programs have found it; 0: not yet */
    __u32 unknown_mptcp; /* set by the programs: a sweep met an MPTCP socket before its record was made */
    __u32 listeners;     /* version of the programs' map of listeners; counted by them */
    __u64 overflow;      /* records in the overflow map; counted by the programs */
};

struct tp_record {
    /* identity of the socket within this boot: its cookie, whose top byte counts reconnects of one socket; a
       hash where the source has none */
    __u64 socket_id;
    /* CLOCK_MONOTONIC, of the connect() or of the handshake's end on the accepting side; 0: unknown */
    __u64 start_ns;
    /* of the transition to CLOSE; 0 while the socket lives */
    __u64 end_ns;
    /* payload that the peer acknowledged */
    __u64 bytes_sent;
    /* payload received */
    __u64 bytes_received;
    /* IPv4 as ::ffff:a.b.c.d */
    __u8 local_address[16];
    /* in the same form */
    __u8 remote_address[16];
    /* inode of the network namespace */
    __u32 netns;
    /* process (tgid) that uses the socket; 0: unknown */
    __u32 pid;
    /* smoothed round-trip time; 0: unknown */
    __u32 srtt_us;
    /* segments retransmitted over the socket's life */
    __u32 retransmits;
    /* from SYN to ESTABLISHED on the connecting side; 0: unknown */
    __u32 connect_us;
    /* interface index when the address is link-local, else 0 */
    __u32 scope_id;
    /* host byte order */
    __u16 local_port;
    /* host byte order */
    __u16 remote_port;
    /* Linux errno of a failed connect or an aborted connection; 0: none */
    __u16 error;
    /* enum tp_direction */
    __u8 direction;
    /* TCP state (net/tcp_states.h) */
    __u8 state;
    /* enum tp_pid_evidence */
    __u8 pid_evidence;
    /* enum tp_direction_evidence */
    __u8 direction_evidence;
    /* bits of enum tp_flag */
    __u8 flags;
    /* inside the eBPF source: in a closed record, 0: it was never reported while it lived; in a live record
       of the overflow map: the TCP state last reported */
    __u8 emitted_state;
    /* inside the kernel: the sweep that last found process `pid` holding the socket, or in which `pid` was
       recorded */
    __u8 held_in;
    /* of an MPTCP connection, the subflows that joined its first; set in user space */
    __u8 subflows;
    __u8 reserved;
    /* why a record waits for its other end, while it does; 0 in every snapshot and batch */
    __u8 hold_reason;
    /* start of process `pid` (CLOCK_BOOTTIME; from /proc rounded down to a clock tick): PID and start
       identify a process; with PID 0: a process outside of the PID namespace whose PIDs are reported; 0:
       unknown */
    __u64 pid_start_ns;
    /* process (tgid) of the listener that an accepted socket came from; 0: unknown */
    __u32 listener_pid;
    /* inside the kernel: the last round of scans that reached the socket */
    __u32 scan_round;
    /* NUL-terminated name of process `pid` when it was recorded: the process may end; zero: unknown */
    char comm[16];
};

#ifdef __cplusplus
#define TP_ASSERT_BYTES(type, bytes) static_assert(sizeof(type) == (bytes), "layout changed")
#else
#define TP_ASSERT_BYTES(type, bytes) _Static_assert(sizeof(type) == (bytes), "layout changed")
#endif

#define TP_RECORD_BYTES 144
TP_ASSERT_BYTES(struct tp_record, TP_RECORD_BYTES);

/* A further fd holder: a process that holds a socket which another process uses. From a sweep over all open
   files. */
struct tp_holder {
    /* as in the socket's record */
    __u64 socket_id;
    /* as in records */
    __u64 pid_start_ns;
    /* a process that holds the socket, other than the record's */
    __u32 pid;
    __u8 is_listener;
    __u8 reserved;
    /* holders of this socket beyond those that have a row, the same in all its rows; set in user space */
    __u16 more;
};

#define TP_HOLDER_BYTES 24
TP_ASSERT_BYTES(struct tp_holder, TP_HOLDER_BYTES);

/* Counts of one network namespace, from user space to JavaScript: since the last snapshot, or now where it
 * says so. The first three are compared with the kernel's own counters (RFC 4022). */
struct tp_namespace {
    /* its inode; 0: the sum of the namespaces beyond the limit */
    __u64 netns;
    /* connects, pending and failed ones among them (tcpActiveOpens) */
    __u64 active;
    /* accepted connections (tcpPassiveOpens) */
    __u64 passive;
    /* sockets in ESTABLISHED or CLOSE-WAIT, now (tcpCurrEstab) */
    __u64 established;
    /* from here on the overflow: sockets over the limit, without a record each; live ones, now */
    __u64 live;
    /* connections that ended */
    __u64 closed;
    /* connects that ended without a handshake; not among the closed ones */
    __u64 failed;
    /* payload of sockets that ended; so are `bytes_received` and `retransmits` */
    __u64 bytes_sent;
    __u64 bytes_received;
    __u64 retransmits;
};

#define TP_NAMESPACE_BYTES 80
TP_ASSERT_BYTES(struct tp_namespace, TP_NAMESPACE_BYTES);

/* Counters of rare events, a slot each in the per-CPU array `counters`. Names are in src/ebpf/counters.h. */
enum tp_counter {
    TP_COUNT_SEEDED = 0,    /* sockets older than the programs, adopted by a sweep or a scan */
    TP_COUNT_LOST_RING,     /* closed records dropped because the ring was full */
    TP_COUNT_UNTRACKED,     /* sockets without a record: too many, or no memory */
    TP_COUNT_INFERRED,      /* state changes that no event reported, inferred afterwards */
    TP_COUNT_DEFERRED_RING, /* news of live sockets that found the ring full: a later scan reports them */
    TP_COUNTERS,
};

#endif
