// SPDX-License-Identifier: Apache-2.0
/*
 * Makes TCP connections as fast as it can, and counts them: server threads and client threads over one
 * address. Each connection: connect, 64 bytes each way, close. Used by the benchmarks as load and as ground
 * truth.
 *
 *   churn [-a ADDRESS] [-s SECONDS | -n CONNECTIONS] [-c CLIENTS] [-r PER_SECOND]
 *
 * Prints one line of JSON: {"pid":…,"port":…,"connections":…,"seconds":…,"perSecond":…,"cpuSeconds":…}.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PAYLOAD = 64,
    MAX_CLIENTS = 64,
};

static struct sockaddr_storage server_address;
static socklen_t server_address_length;
static atomic_long connections;
static atomic_long failures;
static atomic_bool stopping;
static long wanted = -1;
static double per_second;
static int clients = 1;

static void die(const char *what) {
    fprintf(stderr, "churn: could not %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool transfer(int fd, bool client) {
    char buffer[PAYLOAD] = {0};
    if (client && send(fd, buffer, PAYLOAD, MSG_NOSIGNAL) != PAYLOAD)
        return false;
    if (recv(fd, buffer, PAYLOAD, MSG_WAITALL) != PAYLOAD)
        return false;
    return client || send(fd, buffer, PAYLOAD, MSG_NOSIGNAL) == PAYLOAD;
}

static void *serve(void *listener) {
    for (;;) {
        int fd = accept4(*(int *)listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        transfer(fd, false);
        char rest;
        (void)!recv(fd, &rest, 1, 0); /* the client closes first and gets the TIME_WAIT */
        close(fd);
    }
    return NULL;
}

static void *churn(void *unused) {
    (void)unused;
    double start = now_seconds();
    for (long mine = 0; !stopping; mine++) {
        if (wanted >= 0 && atomic_load(&connections) >= wanted)
            break;
        if (per_second > 0) {
            double due = start + (double)mine * clients / per_second;
            double wait = due - now_seconds();
            if (wait > 0)
                usleep((useconds_t)(wait * 1e6));
        }
        int fd = socket(server_address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            die("create a socket");
        if (connect(fd, (struct sockaddr *)&server_address, server_address_length)) {
            atomic_fetch_add(&failures, 1);
            close(fd);
            continue;
        }
        atomic_fetch_add(&connections, 1); /* what was opened, even if one more than was wanted */
        if (!transfer(fd, true))
            atomic_fetch_add(&failures, 1);
        close(fd);
    }
    return NULL;
}

int main(int argc, char **argv) {
    const char *address = "127.0.0.1";
    double seconds = 5;
    int option;
    while ((option = getopt(argc, argv, "a:s:n:c:r:")) != -1) {
        switch (option) {
        case 'a':
            address = optarg;
            break;
        case 's':
            seconds = atof(optarg);
            break;
        case 'n':
            wanted = atol(optarg);
            break;
        case 'c':
            clients = atoi(optarg);
            break;
        case 'r':
            per_second = atof(optarg);
            break;
        default:
            fprintf(stderr,
                    "usage: churn [-a ADDRESS] [-s SECONDS | -n CONNECTIONS] [-c CLIENTS] [-r PER_SECOND]\n");
            return 2;
        }
    }
    if (clients < 1 || clients > MAX_CLIENTS) {
        fprintf(stderr, "churn: -c must be 1 to %d\n", MAX_CLIENTS);
        return 2;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)&server_address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&server_address;
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        server_address_length = sizeof(*v4);
    } else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        server_address_length = sizeof(*v6);
    } else {
        fprintf(stderr, "churn: '%s' is not an IP address\n", address);
        return 2;
    }
    int listener = socket(server_address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (listener < 0)
        die("create a socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&server_address, server_address_length) || listen(listener, 4096))
        die("listen");
    if (getsockname(listener, (struct sockaddr *)&server_address, &server_address_length))
        die("ask for the port");

    pthread_t server_threads[MAX_CLIENTS], client_threads[MAX_CLIENTS];
    for (int i = 0; i < clients; i++)
        pthread_create(&server_threads[i], NULL, serve, &listener);
    double start = now_seconds();
    for (int i = 0; i < clients; i++)
        pthread_create(&client_threads[i], NULL, churn, NULL);
    if (wanted < 0) {
        usleep((useconds_t)(seconds * 1e6));
        stopping = true;
    }
    for (int i = 0; i < clients; i++)
        pthread_join(client_threads[i], NULL);
    double elapsed = now_seconds() - start;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("{\"pid\":%d,\"port\":%d,\"connections\":%ld,\"failures\":%ld,\"seconds\":%.3f,\"perSecond\":%.0f,"
           "\"cpuSeconds\":%.3f}\n",
           getpid(), ntohs(server_address.ss_family == AF_INET ? v4->sin_port : v6->sin6_port), connections,
           failures, elapsed, (double)connections / elapsed, cpu);
    return 0;
}
