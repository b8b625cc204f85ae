/*
 * A kernel that refuses some BPF programs, by LD_PRELOAD: bpf(2) answers for it where REFUSE_BPF says so, and
 * is the real one otherwise. REFUSE_BPF is a list of "step program errno [after]", separated by ';':
 *
 *   load scan_files 1        BPF_PROG_LOAD of the program of this name; with EINVAL (22) the verifier has
 * words attach on_read 1          BPF_LINK_CREATE or BPF_RAW_TRACEPOINT_OPEN of it start scan_files 1 2
 * BPF_ITER_CREATE of it, after it was allowed twice
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define DESCRIPTORS  65536
#define NAME_BYTES   (BPF_OBJ_NAME_LEN)
#define ARGUMENTS    6
#define PROGRAMS     32
#define VERIFIER_LOG "0: R1=ctx()\nR1 invalid mem access 'scalar'\nprocessed 1 insns (limit 1000000)\n"

static char names[DESCRIPTORS][NAME_BYTES]; /* of programs, and of the programs of links, by descriptor */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned starts[PROGRAMS]; /* by place in `started` */
static char started[PROGRAMS][NAME_BYTES];

static int refusal(const char *step, const char *program, unsigned before) {
    const char *list = getenv("REFUSE_BPF");
    char copy[4096], *rest = copy, *one;
    if (!list || strlen(list) >= sizeof(copy))
        return 0;
    strcpy(copy, list);
    while ((one = strsep(&rest, ";"))) {
        char its_step[16], its_program[64];
        int error;
        unsigned after = 0;
        if (sscanf(one, " %15s %63s %d %u", its_step, its_program, &error, &after) >= 3 &&
            !strcmp(step, its_step) && !strncmp(program, its_program, NAME_BYTES - 1) && before >= after)
            return error;
    }
    return 0;
}

static const char *name_of(unsigned fd) {
    return fd < DESCRIPTORS ? names[fd] : "";
}

static void name(long fd, const char *program) {
    if (fd >= 0 && fd < DESCRIPTORS)
        snprintf(names[fd], NAME_BYTES, "%s", program);
}

/* How often an iterator of it was to be started before this. */
static unsigned starts_before(const char *program) {
    int at = 0;
    while (at < PROGRAMS - 1 && started[at][0] && strcmp(started[at], program))
        at++;
    snprintf(started[at], NAME_BYTES, "%s", program);
    return starts[at]++;
}

static int refuse_bpf(int command, const union bpf_attr *attr) {
    switch (command) {
    case BPF_PROG_LOAD: {
        int error = refusal("load", attr->prog_name, 0);
        if (error == EINVAL && attr->log_buf && attr->log_size > sizeof(VERIFIER_LOG))
            memcpy((void *)attr->log_buf, VERIFIER_LOG, sizeof(VERIFIER_LOG));
        return error;
    }
    case BPF_LINK_CREATE:
        return refusal("attach", name_of(attr->link_create.prog_fd), 0);
    case BPF_RAW_TRACEPOINT_OPEN:
        return refusal("attach", name_of(attr->raw_tracepoint.prog_fd), 0);
    case BPF_ITER_CREATE:
        return refusal("start", name_of(attr->iter_create.link_fd),
                       starts_before(name_of(attr->iter_create.link_fd)));
    default:
        return 0;
    }
}

static void remember(int command, const union bpf_attr *attr, long fd) {
    if (command == BPF_PROG_LOAD)
        name(fd, attr->prog_name);
    else if (command == BPF_LINK_CREATE)
        name(fd, name_of(attr->link_create.prog_fd));
}

long syscall(long number, ...) {
    static long (*real)(long, ...);
    long arguments[ARGUMENTS], result;
    va_list given;

    va_start(given, number);
    for (int i = 0; i < ARGUMENTS; i++)
        arguments[i] = va_arg(given, long);
    va_end(given);
    if (!real)
        real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    if (number == SYS_bpf) {
        const union bpf_attr *attr = (const union bpf_attr *)arguments[1];
        pthread_mutex_lock(&lock);
        int error = refuse_bpf((int)arguments[0], attr);
        pthread_mutex_unlock(&lock);
        if (error) {
            errno = error;
            return -1;
        }
    }
    result = real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    if (number == SYS_bpf) {
        pthread_mutex_lock(&lock);
        remember((int)arguments[0], (const union bpf_attr *)arguments[1], result);
        pthread_mutex_unlock(&lock);
    }
    return result;
}
