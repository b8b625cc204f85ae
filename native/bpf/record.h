/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The flat connection record: one TCP socket (one end of a connection) or one listener.
 *
 * Shared by the BPF programs, the C++ binding and, by offset, TypeScript (src/probe/topology/record.ts);
 * every side asserts the size, and the TypeScript source compares all offsets when it loads.
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

/* How the PID is known, weakest first: a stronger one is replaced by a weaker one only when
   its process has let go of the socket. */
enum tp_pid_evidence {
    TP_PID_NONE = 0,
    TP_PID_LISTENER = 1,   /* the process of the listener it was accepted from */
    TP_PID_TABLE_SCAN = 2, /* found holding a descriptor of it */
    TP_PID_CONNECT = 3,    /* called connect() or listen() */
    TP_PID_CLOSE = 4,      /* closed or shut it down */
    TP_PID_USE = 5,        /* read from it */
};

enum tp_direction_evidence {
    TP_DIRECTION_EVIDENCE_NONE = 0,
    TP_DIRECTION_EVIDENCE_PORT_GUESS = 1,
    TP_DIRECTION_EVIDENCE_LISTENER_TABLE = 2,
    TP_DIRECTION_EVIDENCE_CONNTRACK = 3,
    TP_DIRECTION_EVIDENCE_HANDSHAKE = 4,
};

enum tp_flag {
    TP_FLAG_ESTABLISHED = 1,
    TP_FLAG_SEEDED = 2,
    /* 4 is used above the kernel's side: see topology/record.ts */
    TP_FLAG_UNTRACKED = 128, /* its socket has no storage: told of at its beginning and at its end only */
};

/* What the BPF programs and user space tell each other, in the programs' global data. */
struct tp_shared {
    __u32 epoch;         /* raised by user space to be sent every live record again; never 0 */
    __u32 storage_full;  /* set by user space: no further socket gets storage, but listeners */
    __u32 has_untracked; /* set by the programs: there may be sockets without storage */
    __u32 live;          /* live sockets that emit_live came by: what user space knows beyond them is gone */
    __u64 stored;        /* all sockets with storage that it came by; user space sets both to 0 before */
    __u32 sweep;         /* number of the sweep under way or last made, 1 to 255; counted by user space */
    __u32 reserved;
};

struct tp_record {
    __u64 socket_id; /* socket cookie; the top byte counts reconnects of one socket */
    __u64 start_ns;
    __u64 end_ns;
    __u64 bytes_sent;
    __u64 bytes_received;
    __u8 local_address[16]; /* IPv4 as ::ffff:a.b.c.d */
    __u8 remote_address[16];
    __u32 netns;
    __u32 pid;
    __u32 srtt_us;
    __u32 retransmits;
    __u32 connect_us;
    __u32 scope_id;
    __u16 local_port; /* host byte order, as remote_port */
    __u16 remote_port;
    __u16 error;
    __u8 direction;
    __u8 state;
    __u8 pid_evidence;
    __u8 direction_evidence;
    __u8 flags;
    __u8 emitted_state; /* the TCP state last sent; 0 in a closed record: it was never sent while it lived */
    __u8 held_in; /* kernel side only: the sweep that last found process `pid` holding it, or in which it was
                     noted */
    __u8 reserved[3];
    __u64 pid_start_ns; /* with `pid`, the identity of the process */
    __u32 listener_pid;
    __u32 emitted_epoch; /* kernel side only: the epoch this was last sent in; 0 = must be sent */
    char comm[16];       /* name of process `pid` when it was noted: it may be gone later */
};

#ifdef __cplusplus
#define TP_ASSERT_BYTES(type, bytes) static_assert(sizeof(type) == (bytes), "layout changed")
#else
#define TP_ASSERT_BYTES(type, bytes) _Static_assert(sizeof(type) == (bytes), "layout changed")
#endif

#define TP_RECORD_BYTES 144
TP_ASSERT_BYTES(struct tp_record, TP_RECORD_BYTES);

/* A process that holds a socket which another process uses; from a sweep over all open files. */
struct tp_holder {
    __u64 socket_id;
    __u64 pid_start_ns;
    __u32 pid;
    __u8 is_listener;
    __u8 reserved;
    __u16 more; /* filled in by user space: holders of this socket beyond those that are told */
};

#define TP_HOLDER_BYTES 24
TP_ASSERT_BYTES(struct tp_holder, TP_HOLDER_BYTES);

/* Kernel-side counters, one slot each in the per-CPU array `counters`. Names are in src/counters.h. */
enum tp_counter {
    TP_COUNT_CONNECTS = 0,   /* connect() calls that sent a SYN */
    TP_COUNT_OPENED_ACTIVE,  /* handshakes completed on the connecting side */
    TP_COUNT_OPENED_PASSIVE, /* handshakes completed on the accepting side */
    TP_COUNT_CLOSED,         /* established connections that ended */
    TP_COUNT_FAILED,         /* connects that ended without a handshake */
    TP_COUNT_SEEDED,         /* sockets found by the scan of open files */
    TP_COUNT_LOST_RING,      /* closed records dropped because the ring was full */
    TP_COUNT_UNTRACKED,      /* sockets without storage: there are too many, or no memory was to be had */
    TP_COUNT_SENT_RING,      /* records that events put into the ring: mostly of closed sockets */
    TP_COUNT_MADE_UP,        /* state changes that the kernel did not tell of, found out afterwards */
    TP_COUNT_DEFERRED_RING,  /* live records put off to the next pass because the ring was full */
    TP_COUNTERS,
};

#endif
