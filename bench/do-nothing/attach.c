// SPDX-License-Identifier: Apache-2.0
/*
 * Attaches all BPF programs of an object file, each where its section says, until its standard input ends.
 *
 *   attach OBJECT
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int fail(const char *what, const char *name) {
    fprintf(stderr, "attach: could not %s %s: %s\n", what, name, strerror(errno));
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: attach OBJECT\n");
        return 2;
    }
    struct bpf_object *object = bpf_object__open(argv[1]);
    if (!object)
        return fail("open", argv[1]);
    if (bpf_object__load(object))
        return fail("load", argv[1]);
    struct bpf_program *program;
    bpf_object__for_each_program(program, object) {
        if (!bpf_program__attach(program))
            return fail("attach", bpf_program__name(program));
    }
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) /* the kernel detaches what a process leaves */
        ;
    return 0;
}
