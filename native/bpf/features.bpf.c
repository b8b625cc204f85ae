/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * One do-nothing program per kind of program that the probe could use. Only loading and attaching each shows
 * whether this kernel allows it to this process.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "kernel.h"
#include "record.h"

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
    __type(key, int);
    __type(value, __u32);
} feature_sockets SEC(".maps");

SEC("kprobe/tcp_connect")
int kprobe(void *ctx) {
    return 0;
}

SEC("fentry/tcp_connect")
int fentry(void *ctx) {
    return 0;
}

SEC("tp_btf/inet_sock_set_state")
int tp_btf(void *ctx) {
    return 0;
}

SEC("iter/task_file")
int iter_task_file(struct bpf_iter__task_file *ctx) {
    return 0;
}

SEC("iter/tcp")
int iter_tcp(struct bpf_iter__tcp *ctx) {
    return 0;
}

SEC("iter/bpf_sk_storage_map")
int iter_sk_storage(void *ctx) {
    return 0;
}
