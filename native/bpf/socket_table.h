/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The table of the sockets' records. The programs write it. User space has it mapped and reads news without a
 * system call.
 *
 * A place is a word and a record, in an array each, so that scanning all words is fast. A socket's cookie
 * gives its two possible places. If both are taken, the record goes to a hash map, the overflow map. Short
 * connections seldom need it: cookies are in sequence, and sockets that ended have freed their places.
 *
 * The word is the cookie, with flags in its lowest byte. Only atomic operations change it. They are full
 * barriers and order reads and writes of the record.
 *
 * The programs:
 * - claim a free place (0 -> cookie), write the record, raise PENDING or LIVE, and DIRTY;
 * - raise BUSY, write a new process, lower BUSY; single fields (counters, states) are written as they are;
 * - at the end raise CLOSED, which returns whether REPORTED was up, write the last values, raise ENDED;
 * - raise GONE at the socket's last event.
 *
 * User space:
 * - at a place that is DIRTY, and neither BUSY nor CLOSED, lowers DIRTY and raises REPORTED in one step;
 * - reads the record, then checks the word again; of a PENDING place it trusts only direction and namespace;
 * - at a place that is ENDED, copies the record, then lowers ENDED in one step.
 * Each of these steps fails if anything changed.
 *
 * Whichever side finds GONE without ENDED frees the place. A newcomer that finds both of its places taken
 * takes over one that is ENDED and GONE, and sends its record to the ring first. So does a socket that is
 * used again.
 */
#ifndef TOPOPROBE_SOCKET_TABLE_H
#define TOPOPROBE_SOCKET_TABLE_H

#include "record.h"

enum tp_word_flag {
    TP_WORD_LIVE = 1,     /* established, or listening */
    TP_WORD_PENDING = 2,  /* connecting: only this, direction and namespace are valid */
    TP_WORD_CLOSED = 4,   /* ended: not reported as live any more */
    TP_WORD_REPORTED = 8, /* user space knows of it */
    TP_WORD_DIRTY = 16,   /* there is news */
    TP_WORD_BUSY = 32,    /* the record is being changed */
    TP_WORD_ENDED = 64,   /* the record is final, and nobody has taken it */
    TP_WORD_GONE = 128,   /* the socket does not exist any more */
};
/* A free place has the word 0. */
#define TP_WORD_FLAGS 0xffULL
#define TP_WORD_SHIFT 8

/* As many bits of the kernel's cookie as a word, and a socket's id, have room for. Cookies count up from 1. A
 * cookie that is made while the same CPU makes another counts down from the highest (gen_cookie_next in
 * include/linux/cookie.h). */
#define TP_COOKIE_MASK 0x00ffffffffffffffULL

#define TP_TABLE_WAYS   2
#define TP_TABLE_PLACES 16384 /* a power of two; the loader may have fewer of them */

/* The places of a cookie. The first follows the sequence: neighbours in time are neighbours in memory. */
static inline __u32 tp_first_place(__u64 cookie, __u32 mask) {
    return (__u32)cookie & mask;
}
static inline __u32 tp_second_place(__u64 cookie, __u32 mask) {
    return (__u32)(cookie * 0x9e3779b97f4a7c15ULL >> 40) & mask;
}

#endif
