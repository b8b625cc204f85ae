// SPDX-License-Identifier: Apache-2.0
/*
 * Makes TCP connections over loopback and holds them, idle, until its standard input ends: in each of
 * PROCESSES processes CONNECTIONS of them, both ends of each in the same process. Used by the benchmarks as
 * load.
 *
 *   hold -p PROCESSES -n CONNECTIONS
 *
 * Prints one line of JSON when all are open: {"processes":…,"connections":…,"sockets":…}. Each process
 * listens on a loopback address of its own, so that the ephemeral ports of one don't run out.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BACKLOG = 128,
    FIRST_ADDRESS = 0x7f010001
};

static void die(const char *what) {
    fprintf(stderr, "hold: could not %s: %s\n", what, strerror(errno));
    exit(1);
}

static void open_connections(int process, long wanted) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(FIRST_ADDRESS + (unsigned)process)};
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, BACKLOG) ||
        getsockname(listener, (struct sockaddr *)&address, &length))
        die("listen");
    for (long i = 0; i < wanted; i++) {
        int client = socket(AF_INET, SOCK_STREAM, 0);
        if (client < 0 || connect(client, (struct sockaddr *)&address, length))
            die("connect");
        if (accept(listener, NULL, NULL) < 0)
            die("accept");
    }
}

/* Opens its connections, says so with a byte, and lives as long as its parent. */
static void hold(int process, long wanted, int ready) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    open_connections(process, wanted);
    if (write(ready, "", 1) != 1)
        die("tell that it is ready");
    for (;;)
        pause();
}

int main(int argc, char **argv) {
    int processes = 1;
    long wanted = 1;
    for (int option; (option = getopt(argc, argv, "p:n:")) != -1;) {
        if (option == 'p')
            processes = atoi(optarg);
        else if (option == 'n')
            wanted = atol(optarg);
        else
            return 2;
    }
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    int ready[2];
    if (pipe(ready))
        die("make a pipe");
    for (int process = 0; process < processes; process++) {
        pid_t pid = fork();
        if (pid < 0)
            die("fork");
        if (pid == 0)
            hold(process, wanted, ready[1]);
    }
    close(ready[1]);
    char byte;
    for (int process = 0; process < processes; process++)
        if (read(ready[0], &byte, 1) != 1)
            die("wait for its processes: one of them failed");
    printf("{\"processes\":%d,\"connections\":%ld,\"sockets\":%ld}\n", processes, processes * wanted,
           2 * processes * wanted);
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) /* the processes end with this one */
        ;
    return 0;
}
