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
    /* 4 and 32 are used above the kernel's side: see topology/record.ts */
    TP_FLAG_MPTCP = 8,       /* an MPTCP connection */
    TP_FLAG_SUBFLOW = 16,    /* one that joined: `connect_us` is the low word of the first subflow's cookie */
    TP_FLAG_BRIEF = 64,      /* set in user space: it began and ended between two snapshots, no other record
                                tells of its socket */
    TP_FLAG_UNTRACKED = 128, /* its socket has no record: told of at its beginning and at its end only */
};

/* What the loader tells the programs, once; constants to them, so that what is not wanted costs nothing. */
struct tp_settings {
    /* The reader is woken when more than this many bytes wait in the ring. Looking costs as much as writing
     * a record: it is done for one socket in so many (a power of two, less one). */
    __u64 wake_above_bytes;
    __u64 look_mask;
    __u64 take_mask;   /* the same of sockets that end in the table: the reader is woken for one in so many */
    __u32 table_mask;  /* places of the table, less one */
    __u32 has_destroy; /* the program that frees them is there: a kernel can refuse it */
    __u32
        pid_namespace; /* inode of the one that PIDs are told in; 0: the outermost, whose the kernel's are */
    __u32 reserved;
};

/* What the BPF programs and user space tell each other, in the programs' global data. */
struct tp_shared {
    __u32 table_full;    /* set by user space: no further socket gets a record, but listeners */
    __u32 has_untracked; /* set by the programs: there may be sockets without a record */
    __u32 sweep;         /* number of the sweep under way or last made, 1 to 255; counted by user space */
    __u32 round;         /* number of the round of visits under way, never 0; counted by user space */
    __u32 seeded;        /* set by user space: all sockets that were there before have a record */
    __u32 pid_level;     /* of that PID namespace, once the programs have found it; 0: not yet */
    __u32 unknown_mptcp; /* set by the programs: an MPTCP socket was come by before its record was made */
    __u32 listeners;     /* changes of the listeners that the programs know; counted by them */
    __u64 overflow;      /* records in the overflow map; counted by the programs */
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
    __u8 emitted_state; /* in a closed record, 0: it was never told of while it lived; in a live one of the
                           overflow: the TCP state last told */
    __u8 held_in;  /* kernel side only: the sweep that last found process `pid` holding it, or in which it was
                      noted */
    __u8 subflows; /* user space only: those of an MPTCP connection that joined */
    __u8 reserved[2];
    __u64 pid_start_ns; /* with `pid`, the identity of the process; without one: it has no PID where we tell
                           them, as it is outside of that PID namespace */
    __u32 listener_pid;
    __u32 visit;   /* kernel side only: the round of visits that last came by */
    char comm[16]; /* name of process `pid` when it was noted: it may be gone later */
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

/* Counters of what is rare, one slot each in the per-CPU array `counters`. Names are in src/counters.h. */
enum tp_counter {
    TP_COUNT_SEEDED = 0,    /* sockets that were there before, found by a sweep or a visit */
    TP_COUNT_LOST_RING,     /* closed records dropped because the ring was full */
    TP_COUNT_UNTRACKED,     /* sockets without a record: there are too many, or no memory was to be had */
    TP_COUNT_MADE_UP,       /* state changes that the kernel did not tell of, found out afterwards */
    TP_COUNT_DEFERRED_RING, /* news of live sockets that found the ring full: a later visit tells them */
    TP_COUNTERS,
};

#endif
