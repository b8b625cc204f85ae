/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Finds, creates and releases the sockets' records, for the programs. See socket_table.h.
 */
#ifndef TOPOPROBE_SOCKETS_BPF_H
#define TOPOPROBE_SOCKETS_BPF_H

#include "fields.bpf.h"
#include "kernel.h"
#include "record.h"
#include "user_space.bpf.h"
#include "socket_table.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, TP_TABLE_PLACES);
    __type(key, __u32);
    __type(value, __u64);
} words SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, TP_TABLE_PLACES);
    __type(key, __u32);
    __type(value, struct tp_record);
} records SEC(".maps");

/* By cookie. Allocated on demand. */
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

/* A socket's record, and its word in the table; no word when it is in the overflow map. */
struct entry {
    struct tp_record *record;
    __u64 *word;
};

/* Uses the result: without that, some processors get an operation that does not order memory. */
static __always_inline __u64 raise_flags(__u64 *word, __u64 flags) {
    __u64 before = __sync_fetch_and_or(word, flags);
    barrier_var(before);
    return before;
}

static __always_inline __u64 lower_flags(__u64 *word, __u64 flags) {
    __u64 before = __sync_fetch_and_and(word, ~flags);
    barrier_var(before);
    return before;
}

static __always_inline bool take_place(__u32 at, __u64 *word, struct entry *entry) {
    entry->word = word;
    entry->record = bpf_map_lookup_elem(&records, &at);
    return entry->record != 0;
}

static __always_inline bool is_at(__u32 at, __u64 cookie, struct entry *entry) {
    __u64 *word = bpf_map_lookup_elem(&words, &at);
    return word && *word >> TP_WORD_SHIFT == cookie && take_place(at, word, entry);
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

/* A socket with a record has a cookie: create() asks for it. */
static __always_inline bool find(const struct sock *sk, struct entry *entry) {
    __u64 cookie = cookie_of(sk);
    return cookie && find_cookie(cookie, entry);
}

/* True also when another CPU has just claimed it for the same socket. */
static __always_inline bool claim(__u32 at, __u64 cookie, struct entry *entry) {
    __u64 *word = bpf_map_lookup_elem(&words, &at), before;

    if (!word)
        return false;
    before = *word;
    if (!before) {
        before = __sync_val_compare_and_swap(word, 0, cookie << TP_WORD_SHIFT);
        if (!before && take_place(at, word, entry)) {
            __builtin_memset(entry->record, 0, sizeof(*entry->record));
            return true;
        }
    }
    return before >> TP_WORD_SHIFT == cookie && take_place(at, word, entry);
}

/* Without the program on a socket's last event, a socket that has ended counts as gone. */
static __always_inline bool is_gone(__u64 word, __u64 cookie) {
    if (settings.has_destroy)
        return (word & (TP_WORD_ENDED | TP_WORD_GONE)) == (TP_WORD_ENDED | TP_WORD_GONE);
    return word & TP_WORD_CLOSED && word >> TP_WORD_SHIFT != cookie;
}

/* Gives the place of a socket that is gone to this one, blank. The old record is sent first. Not inlined: it
 * is rare, and its callers are not. */
static __noinline int take_over(__u32 at, __u64 cookie) {
    __u64 *word = bpf_map_lookup_elem(&words, &at), before;
    struct tp_record *record = bpf_map_lookup_elem(&records, &at);

    if (!word || !record)
        return -1;
    before = *word;
    if (!is_gone(before, cookie) ||
        __sync_val_compare_and_swap(word, before, cookie << TP_WORD_SHIFT) != before)
        return -1;
    if (before & TP_WORD_ENDED)
        send_ended(record);
    __builtin_memset(record, 0, sizeof(*record));
    return 0;
}

static __always_inline bool claim_taken(__u32 at, __u64 cookie, struct entry *entry) {
    return !take_over(at, cookie) && is_at(at, cookie, entry);
}

/* Not inlined: it is rare, and its callers are not. */
static __noinline int create_overflow(__u64 cookie) {
    struct tp_record blank = {};
    if (bpf_map_update_elem(&overflow, &cookie, &blank, BPF_NOEXIST))
        return -1;
    __sync_fetch_and_add(&shared.overflow, 1);
    return 0;
}

/* A blank record, unless the socket got one meanwhile. False: no room, or no memory. */
static __always_inline bool create(struct sock *sk, struct entry *entry) {
    __u64 cookie = bpf_get_socket_cookie(sk) & TP_COOKIE_MASK;
    __u32 first = tp_first_place(cookie, settings.table_mask);
    __u32 second = tp_second_place(cookie, settings.table_mask);
    if (claim(first, cookie, entry) || claim(second, cookie, entry) || claim_taken(first, cookie, entry) ||
        claim_taken(second, cookie, entry))
        return true;
    create_overflow(cookie);
    entry->word = 0;
    entry->record = bpf_map_lookup_elem(&overflow, &cookie);
    return entry->record != 0;
}

/* The socket is gone. Its place is free once user space has taken the record. */
static __always_inline void release(const struct sock *sk, struct entry *entry) {
    __u64 cookie = cookie_of(sk);
    if (entry->word) {
        if (!(raise_flags(entry->word, TP_WORD_GONE) & TP_WORD_ENDED))
            lower_flags(entry->word, ~0ULL);
    } else if (!bpf_map_delete_elem(&overflow, &cookie))
        __sync_fetch_and_add(&shared.overflow, -1);
}

/*
 * Identifies a listener, also from a child that is being made. An empty list head in a listener points to
 * itself. A child is a copy of its listener until after its first change of state (inet_csk_clone_lock, then
 * tcp_create_openreq_child, in net/ipv4). 0: not a TCP socket.
 */
static __always_inline __u64 listener_key(struct sock *sk) {
    struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
    return tp ? (__u64)tp->tsq_node.next : 0;
}

static __always_inline void remember_listener(struct sock *sk) {
    __u64 key = listener_key(sk), cookie = cookie_of(sk);
    if (!key)
        return;
    bpf_map_update_elem(&listeners, &key, &cookie, BPF_ANY);
    __sync_fetch_and_add(&shared.listeners, 1);
}

static __always_inline void forget_listener(struct sock *sk) {
    __u64 key = listener_key(sk);
    bpf_map_delete_elem(&listeners, &key);
    __sync_fetch_and_add(&shared.listeners, 1);
}

/* The child that a CPU made last. It has no cookie of its own yet, so it gets a record only when its
 * handshake is complete: that follows at once, on the same CPU. Most often the next child has the same
 * listener. */
struct child {
    __u64 sk;
    __u64 listener; /* its cookie; 0: unknown */
    __u64 key;      /* listener_key() of the last lookup */
    __u64 cookie;   /* result of that lookup */
    __u32 as_of;    /* `shared.listeners` at that lookup */
};
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct child);
} children SEC(".maps");

static __always_inline __u64 look_up_listener(struct child *child, __u64 key) {
    __u32 as_of = shared.listeners;
    __u64 *cookie;

    if (child->key == key && child->as_of == as_of)
        return child->cookie;
    cookie = bpf_map_lookup_elem(&listeners, &key);
    child->key = key;
    child->cookie = cookie ? *cookie : 0;
    child->as_of = as_of;
    return child->cookie;
}

/*
 * `sk` is being cloned from a listener. Records which one, as several may share the port. Kernels up to 6.12
 * at least copy the listener's cookie too, and give the child its own afterwards.
 */
static __always_inline void remember_child(struct sock *sk) {
    __u32 only = 0;
    struct child *child = bpf_map_lookup_elem(&children, &only);
    __u64 copied = cookie_of(sk);
    struct entry entry;

    if (!child)
        return;
    child->sk = (__u64)sk;
    if (copied && find_cookie(copied, &entry) && entry.record->direction == TP_DIRECTION_LISTENER)
        child->listener = copied;
    else
        child->listener = look_up_listener(child, listener_key(sk));
}

/* The listener's record, if `sk` is the child that this CPU made last; 0: unknown. */
static __always_inline struct tp_record *listener_of_child(const struct sock *sk) {
    __u32 only = 0;
    struct child *child = bpf_map_lookup_elem(&children, &only);
    struct entry entry;
    if (!child || child->sk != (__u64)sk || !child->listener || !find_cookie(child->listener, &entry))
        return 0;
    return entry.record;
}

#endif
