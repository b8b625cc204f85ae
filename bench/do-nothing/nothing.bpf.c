/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Programs that do nothing, on the tracepoints of the tracker (native/bpf/tracker.bpf.c): what the kernel
 * takes for running any program there, and for keeping account of it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf/inet_sock_set_state")
int nothing_on_tcp_state(void *ctx) {
    return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int nothing_on_destroy(void *ctx) {
    return 0;
}

SEC("tp_btf/tcp_rcv_space_adjust")
int nothing_on_read(void *ctx) {
    return 0;
}
