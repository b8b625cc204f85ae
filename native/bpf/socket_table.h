/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The table that the sockets' records are in: shared by the programs, which write it, and user space, which
 * has it mapped and reads what is new without asking the kernel.
 *
 * A place is a word and a record, in an array each, so that all words are gone through fast. A socket's
 * cookie tells its two possible places. Whoever finds both taken goes to a hash map, the overflow: short
 * connections seldom do, as cookies are in sequence and the places of those that ended are free again.
 *
 * The word is the cookie, and flags in its lowest byte. It is changed by atomic operations only, which are
 * full barriers: they order what is read and written of the record.
 *
 * The programs claim a free place (0 -> cookie), write the record, and raise PENDING or LIVE, and DIRTY. A
 * process that changes later is written between raising BUSY and lowering it; counters and states are single
 * fields, and are written as they are. At the end they raise CLOSED, and learn from it whether TOLD was; then
 * they write what is last known, and raise ENDED. The socket's last event raises GONE.
 *
 * User space looks at places that are DIRTY, and neither BUSY nor CLOSED: it lowers DIRTY and raises TOLD, in
 * one step that fails when anything changed, reads the record, and looks at the word again. Of a place that
 * is PENDING it believes the direction and the namespace only. Of one that has ENDED it copies the record,
 * and lowers ENDED in one step that fails when anything changed. Who finds GONE without ENDED frees the
 * place.
 *
 * A newcomer that finds both of its places taken takes one that has ENDED and is GONE: it sends the record to
 * the ring first. So does a socket that is used again.
 */
#ifndef TOPOPROBE_SOCKET_TABLE_H
#define TOPOPROBE_SOCKET_TABLE_H

#include "record.h"

enum tp_word_flag {
    TP_WORD_LIVE = 1,    /* established, or listening */
    TP_WORD_PENDING = 2, /* connecting: that, its direction and its namespace can be believed */
    TP_WORD_CLOSED = 4,  /* ended: it is not told of as live any more */
    TP_WORD_TOLD = 8,    /* user space knows of it */
    TP_WORD_DIRTY = 16,  /* there is something new */
    TP_WORD_BUSY = 32,   /* the record is being changed */
    TP_WORD_ENDED = 64,  /* the record is the last one, and nobody has taken it */
    TP_WORD_GONE = 128,  /* there is no such socket any more */
};
/* A word that is 0 is a free place's. */
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
