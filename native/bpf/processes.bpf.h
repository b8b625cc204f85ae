/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Records name processes by their PID in the PID namespace whose /proc user space reads. The kernel's own
 * PIDs are those of the outermost namespace. In another namespace a process has another PID; outside of it
 * and the namespaces below it a process has none.
 */
#ifndef TOPOPROBE_PROCESSES_BPF_H
#define TOPOPROBE_PROCESSES_BPF_H

#include "kernel.h"
#include "record.h"
#include "user_space.bpf.h"

/* include/linux/pid_namespace.h */
#define MAX_PID_NS_LEVEL 32

/* 0: at that level the process is in another namespace than the one whose PIDs are reported. */
static __always_inline __u32 number_at(const struct pid *pid, __u32 level) {
    const char *numbers = (const char *)pid + bpf_core_field_offset(struct pid, numbers);
    struct pid_namespace *ns = 0;
    __u32 inode = 0;
    int number = 0;

    numbers += level * bpf_core_type_size(struct upid);
    bpf_probe_read_kernel(&ns, sizeof(ns), numbers + bpf_core_field_offset(struct upid, ns));
    bpf_probe_read_kernel(&inode, sizeof(inode),
                          (char *)ns + bpf_core_field_offset(struct pid_namespace, ns.inum));
    if (inode != settings.pid_namespace)
        return 0;
    bpf_probe_read_kernel(&number, sizeof(number), numbers + bpf_core_field_offset(struct upid, nr));
    return number;
}

/* The first process of the namespace gives the namespace's level, which never changes. Not inlined: most
 * machines do not need it. */
static __noinline __u32 translated_pid(struct task_struct *task) {
    const struct pid *pid = task->group_leader->thread_pid;
    __u32 level = shared.pid_level, innermost, number;

    if (!pid)
        return 0;
    innermost = pid->level;
    if (level)
        return level <= innermost ? number_at(pid, level) : 0;
    for (level = 1; level <= MAX_PID_NS_LEVEL; level++) {
        if (level > innermost)
            return 0;
        number = number_at(pid, level);
        if (!number)
            continue;
        shared.pid_level = level;
        return number;
    }
    return 0;
}

/* 0: the process has none in the namespace whose PIDs are reported. */
static __always_inline __u32 pid_of(struct task_struct *task) {
    return settings.pid_namespace ? translated_pid(task) : (__u32)task->tgid;
}

/* Whether `task` is a thread of the record's process. The start is compared too: PIDs are reused. */
static __always_inline bool is_process_of(const struct tp_record *record, struct task_struct *task) {
    return record->pid_start_ns == task->group_leader->start_boottime && record->pid == pid_of(task);
}

static __always_inline void copy_process(struct tp_record *record, struct task_struct *task) {
    record->pid = pid_of(task);
    record->pid_start_ns = task->group_leader->start_boottime;
    __builtin_memcpy(record->comm, task->group_leader->comm, sizeof(record->comm));
}

/* A process without a PID in our namespace is known by its start. */
static __always_inline bool has_process(const struct tp_record *record) {
    return record->pid_start_ns;
}

#endif
