/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The sockets' records from the programs' side: found, made and given back. See socket_table.h.
 */
#ifndef TOPOPROBE_SOCKETS_BPF_H
#define TOPOPROBE_SOCKETS_BPF_H

#include "fields.bpf.h"
#include "kernel.h"
#include "record.h"
#include "socket_table.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, TP_TABLE_PLACES);
    __type(key, __u32);
    __type(value, struct tp_place);
} places SEC(".maps");

/* By cookie. Memory is taken as sockets come. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1000000); /* set by the loader */
    __type(key, __u64);
    __type(value, struct tp_record);
} overflow SEC(".maps");

/* Cookies of listeners, by listener_key(). */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 65536);
    __type(key, __u64);
    __type(value, __u64);
} listeners SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, TP_COUNTERS);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

/* Atomic: a softirq may count on the same CPU meanwhile. */
static __always_inline void count(__u32 which) {
    __u64 *value = bpf_map_lookup_elem(&counters, &which);
    if (value)
        __sync_fetch_and_add(value, 1);
}

/* A socket's record, and its word in the table; none when it is in the overflow. */
struct entry {
    struct tp_record *record;
    __u64 *word;
};

/* The result is used so that the operation is one that orders memory: without, some processors' is not. */
static __always_inline __u64 raise_flags(__u64 *word, __u64 flags) {
    __u64 before = __sync_fetch_and_or(word, flags);
    barrier_var(before);
    return before;
}

static __always_inline void lower_flags(__u64 *word, __u64 flags) {
    __u64 before = __sync_fetch_and_and(word, ~flags);
    barrier_var(before);
}

static __always_inline bool take_place(struct tp_place *place, struct entry *entry) {
    entry->word = &place->word;
    entry->record = &place->record;
    return true;
}

static __always_inline bool is_at(__u32 at, __u64 cookie, struct entry *entry) {
    struct tp_place *place = bpf_map_lookup_elem(&places, &at);
    return place && place->word >> TP_WORD_SHIFT == cookie && take_place(place, entry);
}

static __always_inline bool find_cookie(__u64 cookie, struct entry *entry) {
    if (is_at(tp_first_place(cookie, settings.table_mask), cookie, entry) ||
        is_at(tp_second_place(cookie, settings.table_mask), cookie, entry))
        return true;
    if (!shared.overflow)
        return false;
    entry->word = 0;
    entry->record = bpf_map_lookup_elem(&overflow, &cookie);
    return entry->record != 0;
}

/* Whoever has a record has a cookie: it is asked for when the record is made. */
static __always_inline bool find(const struct sock *sk, struct entry *entry) {
    __u64 cookie = cookie_of(sk);
    return cookie && find_cookie(cookie, entry);
}

/* True also when somebody else has just taken it for the same socket. */
static __always_inline bool claim(__u32 at, __u64 cookie, struct entry *entry) {
    struct tp_place *place = bpf_map_lookup_elem(&places, &at);
    __u64 word;

    if (!place)
        return false;
    word = place->word;
    /* Without the program that frees places, those of sockets that have ended are taken as they are. */
    if (!word || (!settings.has_destroy && word & TP_WORD_CLOSED && word >> TP_WORD_SHIFT != cookie)) {
        __u64 before = __sync_val_compare_and_swap(&place->word, word, cookie << TP_WORD_SHIFT);
        if (before == word) {
            __builtin_memset(&place->record, 0, sizeof(place->record));
            return take_place(place, entry);
        }
        word = before;
    }
    return word >> TP_WORD_SHIFT == cookie && take_place(place, entry);
}

/* Not inlined: it is rare, and its callers are not. */
static __noinline int create_overflow(__u64 cookie) {
    struct tp_record blank = {};
    if (bpf_map_update_elem(&overflow, &cookie, &blank, BPF_NOEXIST))
        return -1;
    __sync_fetch_and_add(&shared.overflow, 1);
    return 0;
}

/* An empty record, unless the socket had one meanwhile. False: there is no room, or no memory. */
static __always_inline bool create(struct sock *sk, struct entry *entry) {
    __u64 cookie = bpf_get_socket_cookie(sk) & TP_COOKIE_MASK;
    if (claim(tp_first_place(cookie, settings.table_mask), cookie, entry) ||
        claim(tp_second_place(cookie, settings.table_mask), cookie, entry))
        return true;
    create_overflow(cookie);
    entry->word = 0;
    entry->record = bpf_map_lookup_elem(&overflow, &cookie);
    return entry->record != 0;
}

/* Its place is free again. */
static __always_inline void release(const struct sock *sk, struct entry *entry) {
    __u64 cookie = cookie_of(sk);
    if (entry->word)
        lower_flags(entry->word, ~0ULL);
    else if (!bpf_map_delete_elem(&overflow, &cookie))
        __sync_fetch_and_add(&shared.overflow, -1);
}

/*
 * What tells a listener from all others, and is in its children too while they are made: a list head that is
 * empty in a listener points to itself, and a child is a copy of its listener until after its first change of
 * state (inet_csk_clone_lock, then tcp_create_openreq_child, in net/ipv4). 0: not a TCP socket.
 */
static __always_inline __u64 listener_key(struct sock *sk) {
    struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
    return tp ? (__u64)tp->tsq_node.next : 0;
}

static __always_inline void remember_listener(struct sock *sk) {
    __u64 key = listener_key(sk), cookie = cookie_of(sk);
    if (key)
        bpf_map_update_elem(&listeners, &key, &cookie, BPF_ANY);
}

static __always_inline void forget_listener(struct sock *sk) {
    __u64 key = listener_key(sk);
    bpf_map_delete_elem(&listeners, &key);
}

/*
 * The cookie of the listener that a socket is being cloned from, however many listeners share its port; 0: it
 * is not known. Kernels up to 6.12 at least copy the cookie, too, and give the child its own afterwards.
 */
static __always_inline __u64 listener_of(struct sock *child) {
    __u64 copied = cookie_of(child), key, *cookie;
    struct entry entry;

    if (copied && find_cookie(copied, &entry) && entry.record->direction == TP_DIRECTION_LISTENER)
        return copied;
    key = listener_key(child);
    cookie = bpf_map_lookup_elem(&listeners, &key);
    return cookie ? *cookie : 0;
}

/* The child that a CPU made last. It has no cookie of its own yet, so it has no record before its handshake
 * is complete: that follows at once, on the same CPU. */
struct child {
    __u64 sk;
    __u64 listener; /* its cookie */
};
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct child);
} children SEC(".maps");

static __always_inline void remember_child(struct sock *sk) {
    __u32 only = 0;
    struct child *child = bpf_map_lookup_elem(&children, &only);
    if (!child)
        return;
    child->listener = listener_of(sk);
    child->sk = (__u64)sk;
}

/* The record of the listener of the child that this CPU made last, if `sk` is it; 0: it is not known. */
static __always_inline struct tp_record *listener_of_child(const struct sock *sk) {
    __u32 only = 0;
    struct child *child = bpf_map_lookup_elem(&children, &only);
    struct entry entry;
    if (!child || child->sk != (__u64)sk || !child->listener || !find_cookie(child->listener, &entry))
        return 0;
    return entry.record;
}

#endif
