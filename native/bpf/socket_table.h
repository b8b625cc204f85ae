/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The table that the sockets' records are in: shared by the programs, which write it, and user space, which
 * has it mapped and reads what is new without asking the kernel.
 *
 * It is an array of places. A socket's cookie tells its two possible ones. Whoever finds both taken goes to a
 * hash map, the overflow: short connections seldom do, as cookies are in sequence and the places of those
 * that ended are free again.
 *
 * A place has a word and a record. The word is the cookie, and flags in its lowest byte. It is changed by
 * atomic operations only, which are full barriers: they order what is read and written of the record.
 *
 * The programs claim a free place (0 -> cookie), write the record, and raise PENDING or LIVE, and DIRTY. A
 * process that changes later is written between raising BUSY and lowering it; counters and states are single
 * fields, and are written as they are. At the end they raise CLOSED, and learn from it whether TOLD was. The
 * socket's last event frees the place.
 *
 * User space looks at places that are DIRTY, and neither BUSY nor CLOSED: it lowers DIRTY and raises TOLD, in
 * one step that fails when anything changed, reads the record, and looks at the word again. Of a place that
 * is PENDING it believes the direction and the namespace only.
 */
#ifndef TOPOPROBE_SOCKET_TABLE_H
#define TOPOPROBE_SOCKET_TABLE_H

#include "record.h"

struct tp_place {
    __u64 word; /* 0: free */
    struct tp_record record;
};

enum tp_word_flag {
    TP_WORD_LIVE = 1,    /* established, or listening */
    TP_WORD_PENDING = 2, /* connecting: that, its direction and its namespace can be believed */
    TP_WORD_CLOSED = 4,  /* ended: its record is in the ring, or was lost */
    TP_WORD_TOLD = 8,    /* user space knows of it */
    TP_WORD_DIRTY = 16,  /* there is something new */
    TP_WORD_BUSY = 32,   /* the record is being changed */
};
#define TP_WORD_FLAGS 0xffULL
#define TP_WORD_SHIFT 8

/* Of the kernel's cookie as many bits as a word, and the id of a socket, have room for. They go up from 1; a
 * cookie that is made while another one is made on the same CPU goes down from the highest (gen_cookie_next
 * in include/linux/cookie.h). */
#define TP_COOKIE_MASK 0x00ffffffffffffffULL

#define TP_TABLE_WAYS   2
#define TP_TABLE_PLACES 16384 /* a power of two; the loader may have fewer of them */

/* The places of a cookie. The first one goes with the sequence: neighbours in time are neighbours in memory.
 */
static inline __u32 tp_first_place(__u64 cookie, __u32 mask) {
    return (__u32)cookie & mask;
}
static inline __u32 tp_second_place(__u64 cookie, __u32 mask) {
    return (__u32)(cookie * 0x9e3779b97f4a7c15ULL >> 40) & mask;
}

#endif
