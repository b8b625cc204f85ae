// SPDX-License-Identifier: Apache-2.0
/*
 * Makes TCP connections of one hard kind, and tells the truth about them: one line of JSON per pair of
 * processes on stdout, `done` at the end; then it stays until its stdin ends.
 *
 *   scenarios NAME [ADDRESS [PORT]]
 *
 * A line is {"clientPid":…,"serverPid":…,"serverPort":…,"count":…}. A PID may be followed by "clientGone" or
 * "serverGone": another process has it now. "holders" are processes that have the server's socket open
 * besides its user, "listeners" those that have the listening socket open.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <linux/sched.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BACKLOG = 128,
    FEW = 12,
    TUPLE_REUSES = 20,
    TIME_WAIT_REUSES = 4,
    WORKERS = 4,
    NAMESPACES = 1000,
    FIRST_PORT = 1024,
    LAST_PORT = 65535
};

static const char *address_text = "127.0.0.1";
static int other_port; // of a server that was started before

static void die(const char *what) {
    fprintf(stderr, "scenarios: could not %s: %s\n", what, strerror(errno));
    exit(1);
}

static int must(int result, const char *what) {
    if (result < 0)
        die(what);
    return result;
}

static socklen_t make_address(const char *text, int port, struct sockaddr_storage *to) {
    memset(to, 0, sizeof(*to));
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)to;
    struct sockaddr_in *four = (struct sockaddr_in *)to;
    char plain[64];
    snprintf(plain, sizeof(plain), "%s", text);
    char *scope = strchr(plain, '%');
    if (scope)
        *scope++ = 0;
    if (inet_pton(AF_INET, plain, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        return sizeof(*four);
    }
    if (inet_pton(AF_INET6, plain, &six->sin6_addr) != 1)
        die("read the address");
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((uint16_t)port);
    six->sin6_scope_id = scope ? if_nametoindex(scope) : 0;
    return sizeof(*six);
}

static int new_socket(const char *address, int port) {
    struct sockaddr_storage local;
    socklen_t length = make_address(address, port, &local);
    int fd = must(socket(local.ss_family, SOCK_STREAM, 0), "make a socket");
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    must(bind(fd, (struct sockaddr *)&local, length), "bind");
    return fd;
}

static int port_of(int fd) {
    struct sockaddr_storage name;
    socklen_t length = sizeof(name);
    must(getsockname(fd, (struct sockaddr *)&name, &length), "ask for the port");
    return ntohs(((struct sockaddr_in *)&name)->sin_port); // at the same place in both families
}

static int listening(const char *address, int port) {
    int fd = new_socket(address, port);
    must(listen(fd, BACKLOG), "listen");
    return fd;
}

static void connect_to(int fd, const char *address, int port) {
    struct sockaddr_storage to;
    socklen_t length = make_address(address, port, &to);
    must(connect(fd, (struct sockaddr *)&to, length), "connect");
}

static int connected(const char *address, int port) {
    struct sockaddr_storage to;
    make_address(address, port, &to);
    int fd = must(socket(to.ss_family, SOCK_STREAM, 0), "make a socket");
    connect_to(fd, address, port);
    return fd;
}

// What a client and a server say to each other.
static void ask(int fd) {
    char byte = 'x';
    if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || recv(fd, &byte, 1, 0) != 1)
        die("talk to the server");
}

static void answer(int fd) {
    char byte;
    if (recv(fd, &byte, 1, 0) != 1 || send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
        die("talk to the client");
}

static void truth(int client, int server, int port, int count) {
    printf("{\"clientPid\":%d,\"serverPid\":%d,\"serverPort\":%d,\"count\":%d}\n", client, server, port,
           count);
}

// The process that serves one connection must read before it closes: then the client's end is closed second.
static void serve(int fd) {
    answer(fd);
    char byte;
    while (recv(fd, &byte, 1, 0) > 0)
        ;
    close(fd);
}

static int forked(void) {
    fflush(stdout);
    return must(fork(), "fork");
}

static void ask_and_close(const char *address, int port) {
    int fd = connected(address, port);
    ask(fd);
    close(fd);
}

// A server process that serves `count` connections, one after the other.
static int server_of(int listener, int count) {
    int pid = forked();
    if (pid)
        return pid;
    for (int i = 0; i < count; i++)
        serve(must(accept(listener, NULL, NULL), "accept"));
    _exit(0);
}

static void plain(const char *client_address, const char *server_address, const char *listen_address,
                  int port) {
    int listener = listening(listen_address, port);
    int server = server_of(listener, FEW);
    port = port_of(listener);
    close(listener);
    for (int i = 0; i < FEW; i++) {
        int fd = new_socket(client_address, 0);
        connect_to(fd, server_address, port);
        ask(fd);
        close(fd);
    }
    waitpid(server, NULL, 0);
    truth(getpid(), server, port, FEW);
}

static void short_connections(void) {
    plain(address_text, address_text, address_text, 0);
}

// The same port in every namespace that this runs in.
static void fixed_port(void) {
    plain(address_text, address_text, address_text, 7777);
}

static void whole_loopback(void) {
    plain("127.5.6.7", "127.1.2.3", "127.1.2.3", 0);
}

static void mapped(void) {
    plain("127.0.0.1", "127.0.0.1", "::", 0);
    plain("::ffff:127.0.0.1", "::ffff:127.0.0.1", "127.0.0.1", 0);
}

static void self_connect(void) {
    int fd = new_socket(address_text, 0);
    connect_to(fd, address_text, port_of(fd));
    ask(fd); // answered by itself
    truth(getpid(), getpid(), port_of(fd), 1);
}

// Both ends connect; neither listens. The way between them must be closed until both have begun: see the
// test.
static void simultaneous_open(void) {
    int a = new_socket(address_text, 0), b = new_socket(address_text, 0);
    struct sockaddr_storage to;
    socklen_t length;
    int on = 1;
    ioctl(a, FIONBIO, &on);
    ioctl(b, FIONBIO, &on);
    length = make_address(address_text, port_of(b), &to);
    if (connect(a, (struct sockaddr *)&to, length) == 0 || errno != EINPROGRESS)
        die("begin a connect");
    length = make_address(address_text, port_of(a), &to);
    if (connect(b, (struct sockaddr *)&to, length) == 0 || errno != EINPROGRESS)
        die("begin a connect");
    printf("begun\n");
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        struct pollfd ready = {.fd = i ? b : a, .events = POLLOUT};
        must(poll(&ready, 1, -1), "wait for the connection");
        int error = 0;
        socklen_t size = sizeof(error);
        getsockopt(ready.fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            errno = error;
            die("open simultaneously");
        }
    }
    // Which one counts as the client is anybody's choice; that they are one connection is not.
    printf("{\"clientPid\":%d,\"serverPid\":%d,\"serverPort\":%d,\"otherPort\":%d,\"count\":1}\n", getpid(),
           getpid(), port_of(a), port_of(b));
}

// One tuple, used again and again: the server closes first, so that the client's port is free at once.
static void reused_tuple(void) {
    int listener = listening(address_text, 0);
    int port = port_of(listener);
    int server = forked();
    if (!server) {
        for (int i = 0; i < TUPLE_REUSES; i++) {
            int fd = must(accept(listener, NULL, NULL), "accept");
            answer(fd);
            close(fd);
        }
        _exit(0);
    }
    close(listener);
    int local_port = 0;
    for (int i = 0; i < TUPLE_REUSES; i++) {
        int fd = new_socket(address_text, local_port);
        local_port = port_of(fd);
        connect_to(fd, address_text, port);
        ask(fd);
        char byte;
        while (recv(fd, &byte, 1, 0) > 0)
            ;
        close(fd);
    }
    waitpid(server, NULL, 0);
    truth(getpid(), server, port, TUPLE_REUSES);
}

// Workers accept from a listener that was made by their parent.
static void prefork(void) {
    int listener = listening(address_text, 0);
    int port = port_of(listener);
    int served[WORKERS][2], pids[WORKERS];
    for (int w = 0; w < WORKERS; w++) {
        must(pipe(served[w]), "make a pipe");
        if (!(pids[w] = forked())) {
            for (;;) {
                serve(must(accept(listener, NULL, NULL), "accept"));
                must((int)write(served[w][1], "x", 1), "count");
            }
        }
        close(served[w][1]);
    }
    close(listener);
    for (int i = 0; i < FEW; i++)
        ask_and_close(address_text, port);
    // Every connection is counted by the worker that served it, soon after its client has closed.
    int counts[WORKERS] = {0};
    for (int total = 0; total < FEW;) {
        for (int w = 0; w < WORKERS; w++) {
            struct pollfd ready = {.fd = served[w][0], .events = POLLIN};
            char byte;
            while (poll(&ready, 1, 1) > 0 && read(served[w][0], &byte, 1) == 1) {
                counts[w]++;
                total++;
            }
        }
    }
    for (int w = 0; w < WORKERS; w++) {
        kill(pids[w], SIGKILL);
        waitpid(pids[w], NULL, 0);
        if (counts[w])
            truth(getpid(), pids[w], port, counts[w]);
    }
}

// The parent accepts; a child, forked for each connection, serves.
static void child_serves(void) {
    int listener = listening(address_text, 0);
    int port = port_of(listener);
    for (int i = 0; i < WORKERS; i++) {
        int client = forked();
        if (!client) {
            close(listener);
            ask_and_close(address_text, port);
            _exit(0);
        }
        int fd = must(accept(listener, NULL, NULL), "accept");
        int server = forked();
        if (!server) {
            serve(fd);
            _exit(0);
        }
        close(fd);
        waitpid(client, NULL, 0);
        waitpid(server, NULL, 0);
        truth(client, server, port, 1);
    }
    close(listener);
}

// The parent accepts and passes the descriptor to a child over a Unix socket.
static void passed_descriptor(void) {
    int listener = listening(address_text, 0);
    int port = port_of(listener);
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "make a socket pair");
    int server = forked();
    char byte = 'x';
    struct iovec data = {&byte, 1};
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control.room};
    if (!server) {
        close(listener);
        for (int i = 0; i < FEW; i++) {
            message.msg_controllen = sizeof(control.room);
            must((int)recvmsg(pair[1], &message, 0), "take a descriptor");
            int fd;
            memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
            serve(fd);
        }
        _exit(0);
    }
    for (int i = 0; i < FEW; i++) {
        int client = connected(address_text, port);
        int fd = must(accept(listener, NULL, NULL), "accept");
        message.msg_controllen = sizeof(control.room);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(fd));
        memcpy(CMSG_DATA(header), &fd, sizeof(fd));
        must((int)sendmsg(pair[0], &message, 0), "pass a descriptor");
        close(fd);
        ask(client);
        close(client);
    }
    close(listener);
    waitpid(server, NULL, 0);
    truth(getpid(), server, port, FEW);
}

// As systemd's socket activation does: the listener is somebody's who never serves and is handed to a
// program.
static void activated(void) {
    int listener = listening(address_text, 0);
    int port = port_of(listener);
    int server = forked();
    if (!server) {
        must(dup2(listener, 3), "place the listener");
        execl("/proc/self/exe", "scenarios", "serve-fd-3", NULL);
        die("start the program");
    }
    for (int i = 0; i < FEW; i++)
        ask_and_close(address_text, port);
    waitpid(server, NULL, 0);
    close(listener);
    truth(getpid(), server, port, FEW);
}

static void serve_fd_3(void) {
    for (int i = 0; i < FEW; i++)
        serve(must(accept(3, NULL, NULL), "accept"));
    exit(0);
}

static void *serve_in_thread(void *fd) {
    serve((int)(intptr_t)fd);
    return NULL;
}

static void *ask_in_thread(void *port) {
    ask_and_close(address_text, (int)(intptr_t)port);
    return NULL;
}

static void threads(void) {
    int listener = listening(address_text, 0);
    int port = port_of(listener);
    int server = forked();
    if (!server) {
        for (int i = 0; i < FEW; i++) {
            pthread_t thread;
            int fd = must(accept(listener, NULL, NULL), "accept");
            pthread_create(&thread, NULL, serve_in_thread, (void *)(intptr_t)fd);
            pthread_join(thread, NULL);
        }
        _exit(0);
    }
    close(listener);
    for (int i = 0; i < FEW; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, ask_in_thread, (void *)(intptr_t)port);
        pthread_join(thread, NULL);
    }
    waitpid(server, NULL, 0);
    truth(getpid(), server, port, FEW);
}

// The smallest ring that accepts: one submission, one completion.
static int uring_accept(int ring, struct io_uring_sqe *entries, char *sq, char *cq,
                        const struct io_uring_params *p, int listener) {
    unsigned *tail = (unsigned *)(sq + p->sq_off.tail);
    unsigned index = *tail & *(unsigned *)(sq + p->sq_off.ring_mask);
    memset(&entries[index], 0, sizeof(*entries));
    entries[index].opcode = IORING_OP_ACCEPT;
    entries[index].fd = listener;
    ((unsigned *)(sq + p->sq_off.array))[index] = index;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    must((int)syscall(__NR_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0),
         "accept by io_uring");
    unsigned *head = (unsigned *)(cq + p->cq_off.head);
    struct io_uring_cqe *done = (struct io_uring_cqe *)(cq + p->cq_off.cqes);
    int fd = done[*head & *(unsigned *)(cq + p->cq_off.ring_mask)].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    if (fd < 0) {
        errno = -fd;
        die("accept by io_uring");
    }
    return fd;
}

static void uring(void) {
    int listener = listening(address_text, 0);
    int port = port_of(listener);
    int server = forked();
    if (!server) {
        struct io_uring_params p = {0};
        int ring = (int)syscall(__NR_io_uring_setup, 4, &p);
        if (ring < 0) {
            printf("unavailable\n");
            fflush(stdout);
            _exit(3);
        }
        size_t sq_size = p.sq_off.array + p.sq_entries * sizeof(unsigned);
        size_t cq_size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
        char *sq = mmap(NULL, sq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
        char *cq = mmap(NULL, cq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
        struct io_uring_sqe *entries = mmap(NULL, p.sq_entries * sizeof(*entries), PROT_READ | PROT_WRITE,
                                            MAP_SHARED, ring, IORING_OFF_SQES);
        for (int i = 0; i < FEW; i++)
            serve(uring_accept(ring, entries, sq, cq, &p, listener));
        _exit(0);
    }
    close(listener);
    int ended = 0;
    usleep(50000);
    if (waitpid(server, &ended, WNOHANG) == server)
        return; // it has said that io_uring is unavailable
    for (int i = 0; i < FEW; i++)
        ask_and_close(address_text, port);
    waitpid(server, NULL, 0);
    truth(getpid(), server, port, FEW);
}

// One end is killed in the middle; the other one notices.
static void killed(bool client_dies) {
    int listener = listening(address_text, 0);
    int port = port_of(listener);
    int ready[2];
    must(pipe(ready), "make a pipe");
    int server = forked();
    if (!server) {
        int fd = must(accept(listener, NULL, NULL), "accept");
        answer(fd);
        char byte;
        while (recv(fd, &byte, 1, 0) > 0)
            ;
        pause();
    }
    close(listener);
    int client = forked();
    if (!client) {
        int fd = connected(address_text, port);
        ask(fd);
        must((int)write(ready[1], "x", 1), "say so");
        char byte;
        while (recv(fd, &byte, 1, 0) > 0)
            ;
        pause();
    }
    char byte;
    must((int)read(ready[0], &byte, 1), "wait for the client");
    kill(client_dies ? client : server, SIGKILL);
    waitpid(client_dies ? client : server, NULL, 0);
    kill(client_dies ? server : client, SIGKILL);
    waitpid(client_dies ? server : client, NULL, 0);
    truth(client, server, port, 1);
}

static void killed_client(void) {
    killed(true);
}

static void killed_server(void) {
    killed(false);
}

static void reset(int fd) {
    struct linger at_once = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

// Every port that is free, once each.
static void all_ports(void) {
    int listener = new_socket(address_text, 0);
    // While the queue is full each connect takes a second more.
    must(listen(listener, 4096), "listen");
    int port = port_of(listener);
    int server = forked();
    if (!server) {
        for (;;)
            close(must(accept(listener, NULL, NULL), "accept"));
    }
    close(listener);
    int count = 0;
    for (int local_port = FIRST_PORT; local_port <= LAST_PORT; local_port++) {
        if (local_port == port)
            continue;
        struct sockaddr_storage local;
        socklen_t length = make_address(address_text, local_port, &local);
        int fd = must(socket(local.ss_family, SOCK_STREAM, 0), "make a socket");
        if (bind(fd, (struct sockaddr *)&local, length) < 0) {
            close(fd);
            continue;
        }
        connect_to(fd, address_text, port);
        reset(fd);
        count++;
    }
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    truth(getpid(), server, port, count);
}

// SYNs carry data in this namespace, and no cookie is asked for (net.ipv4.tcp_fastopen in ip-sysctl).
static void allow_fast_open(void) {
    FILE *file = fopen("/proc/sys/net/ipv4/tcp_fastopen", "w");
    if (!file || fputs("519", file) < 0 || fclose(file))
        die("allow fast open");
}

static int fast_listening(void) {
    int listener = listening(address_text, 0), waiting = 16;
    must(setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &waiting, sizeof(waiting)), "allow fast open");
    return listener;
}

// Sends a byte with the SYN. `flags`: MSG_DONTWAIT, or 0 to wait for the handshake's end.
static int fast_connected(int port, int flags) {
    struct sockaddr_storage to;
    socklen_t length = make_address(address_text, port, &to);
    int fd = must(socket(to.ss_family, SOCK_STREAM, 0), "make a socket");
    must((int)sendto(fd, "x", 1, MSG_FASTOPEN | flags, (struct sockaddr *)&to, length), "connect with data");
    return fd;
}

static void fast_open(void) {
    allow_fast_open();
    int listener = fast_listening();
    int port = port_of(listener);
    int server = server_of(listener, FEW);
    for (int i = 0; i < FEW; i++) {
        char byte;
        int fd = fast_connected(port, 0);
        must((int)recv(fd, &byte, 1, 0), "hear from the server");
        close(fd);
    }
    waitpid(server, NULL, 0);
    truth(getpid(), server, port, FEW);
}

// The test has the firewall swallow each SYN-ACK, and the server resets what its handshake has not ended: the
// kernel counts FEW accepted connections, and the clients' connects are refused.
static void fast_open_reset(void) {
    allow_fast_open();
    int listener = fast_listening();
    for (int i = 0; i < FEW; i++) {
        int client = fast_connected(port_of(listener), MSG_DONTWAIT);
        reset(must(accept(listener, NULL, NULL), "accept"));
        close(client);
    }
}

static void loopback_up(void) {
    struct ifreq request = {.ifr_flags = IFF_UP};
    strcpy(request.ifr_name, "lo");
    int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "make a socket");
    must(ioctl(fd, SIOCSIFFLAGS, &request), "bring loopback up");
    close(fd);
}

// Each in a namespace of its own that is gone with it; all with the same addresses and the same port.
static void many_namespaces(void) {
    for (int i = 0; i < NAMESPACES; i++) {
        int pid = forked();
        if (!pid) {
            must(unshare(CLONE_NEWNET), "make a namespace");
            loopback_up();
            int listener = listening("127.0.0.1", 7778);
            int client = connected("127.0.0.1", 7778);
            int server = must(accept(listener, NULL, NULL), "accept");
            must((int)send(client, "x", 1, 0), "send");
            answer(server);
            close(client);
            close(server);
            close(listener);
            _exit(0);
        }
        int status;
        waitpid(pid, &status, 0);
        if (status)
            die("run in a namespace");
        truth(pid, pid, 7778, 1);
    }
}

// A child with a PID that is free, whoever had it before. What tells the two apart is the clock tick of their
// start, as /proc has it: the child starts in a later one.
static int forked_as(int pid) {
    fflush(stdout);
    usleep(2 * 1000000 / (useconds_t)sysconf(_SC_CLK_TCK));
    pid_t wanted = pid;
    struct clone_args how = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1};
    return must((int)syscall(__NR_clone3, &how, sizeof(how)), "fork with a PID of choice");
}

static void say_so(int to) {
    must((int)write(to, "x", 1), "say so");
}

static void wait_for(int from) {
    char byte;
    if (read(from, &byte, 1) != 1)
        die("wait for another process");
}

// A client's PID is used again, while one of its connections lives on in a child that never touches it.
static void reused_client_pid(void) {
    int listener = listening(address_text, 0);
    int port = port_of(listener);
    int held[2], done[2];
    must(pipe(held) | pipe(done), "make a pipe");
    int server = forked();
    if (!server) {
        int first = must(accept(listener, NULL, NULL), "accept");
        answer(first);
        for (int i = 0; i < 2 * FEW; i++)
            serve(must(accept(listener, NULL, NULL), "accept"));
        say_so(done[1]);
        pause();
    }
    close(listener);
    int client = forked();
    if (!client) {
        ask(connected(address_text, port));
        if (!forked()) {
            say_so(held[1]);
            pause();
        }
        for (int i = 0; i < FEW; i++)
            ask_and_close(address_text, port);
        _exit(0);
    }
    wait_for(held[0]);
    waitpid(client, NULL, 0);
    if (!forked_as(client)) {
        for (int i = 0; i < FEW; i++)
            ask_and_close(address_text, port);
        say_so(held[1]);
        pause();
    }
    wait_for(held[0]);
    wait_for(done[0]);
    printf("{\"clientPid\":%d,\"clientGone\":true,\"serverPid\":%d,\"serverPort\":%d,\"count\":%d}\n", client,
           server, port, FEW + 1);
    truth(client, server, port, FEW);
}

// A server's PID is used again, by a process that serves the same port.
static void reused_server_pid(void) {
    int listener = listening(address_text, 0);
    int port = port_of(listener);
    int server = 0;
    for (int life = 0; life < 2; life++) {
        int pid = life ? forked_as(server) : forked();
        if (!pid) {
            for (int i = 0; i < FEW; i++)
                serve(must(accept(listener, NULL, NULL), "accept"));
            if (life)
                pause();
            _exit(0);
        }
        server = pid;
        for (int i = 0; i < FEW; i++)
            ask_and_close(address_text, port);
        if (!life)
            waitpid(server, NULL, 0);
    }
    printf("{\"clientPid\":%d,\"serverPid\":%d,\"serverGone\":true,\"serverPort\":%d,\"count\":%d}\n",
           getpid(), server, port, FEW);
    truth(getpid(), server, port, FEW);
}

// Connections that live on in processes that never read from them: their parent has closed its own
// descriptor, has used it before, keeps it too, or is gone.
static void handed_on(void) {
    enum {
        CLOSED_UNREAD,
        CLOSED_READ,
        KEPT,
        PARENT_GONE,
        WAYS
    };
    for (int way = 0; way < WAYS; way++) {
        int listener = listening(address_text, 0);
        int port = port_of(listener);
        int told[2];
        must(pipe(told), "make a pipe");
        int client = forked();
        if (!client) {
            close(listener);
            int fd = connected(address_text, port);
            must((int)send(fd, "x", 1, 0), "send");
            pause();
        }
        int parent = forked();
        if (!parent) {
            int fd = must(accept(listener, NULL, NULL), "accept");
            close(listener);
            char byte;
            if (way == CLOSED_READ && recv(fd, &byte, 1, 0) != 1)
                die("receive");
            int child = forked();
            if (!child)
                pause();
            if (way != KEPT)
                close(fd);
            must((int)write(told[1], &child, sizeof(child)), "tell the child's PID");
            if (way == PARENT_GONE)
                _exit(0);
            pause();
        }
        close(listener);
        int child;
        if (read(told[0], &child, sizeof(child)) != sizeof(child))
            die("learn the child's PID");
        if (way == PARENT_GONE)
            waitpid(parent, NULL, 0);
        if (way == KEPT)
            printf("{\"clientPid\":%d,\"serverPid\":%d,\"serverPort\":%d,\"count\":1,\"holders\":[%d]}\n",
                   client, parent, port, child);
        else
            truth(client, child, port, 1);
    }
}

// Workers wait at a listener that their parent keeps; one of them has a connection.
static void shared_listener(void) {
    int listener = listening(address_text, 0);
    int port = port_of(listener);
    int served[2], pids[WORKERS];
    must(pipe(served), "make a pipe");
    for (int w = 0; w < WORKERS; w++) {
        if (!(pids[w] = forked())) {
            int fd = must(accept(listener, NULL, NULL), "accept");
            answer(fd);
            int self = getpid();
            must((int)write(served[1], &self, sizeof(self)), "tell who served");
            pause();
        }
    }
    ask(connected(address_text, port));
    int server;
    if (read(served[0], &server, sizeof(server)) != sizeof(server))
        die("learn who served");
    printf("{\"clientPid\":%d,\"serverPid\":%d,\"serverPort\":%d,\"count\":1,\"listeners\":[%d", getpid(),
           server, port, getpid());
    for (int w = 0; w < WORKERS; w++)
        printf(",%d", pids[w]);
    printf("]}\n");
}

// The client closes first, and takes its port again while the kernel still keeps it in TIME_WAIT.
static void reused_time_wait(void) {
    int listener = listening(address_text, 0);
    int port = port_of(listener);
    int server = server_of(listener, TIME_WAIT_REUSES);
    close(listener);
    int local_port = 0;
    for (int i = 0; i < TIME_WAIT_REUSES; i++) {
        struct sockaddr_storage to;
        socklen_t length = make_address(address_text, port, &to);
        int fd;
        // Until the server's FIN is there the old connection has the port.
        while (fd = new_socket(address_text, local_port), connect(fd, (struct sockaddr *)&to, length)) {
            if (errno != EADDRNOTAVAIL)
                die("connect");
            close(fd);
            usleep(1000);
        }
        local_port = port_of(fd);
        ask(fd);
        close(fd);
    }
    waitpid(server, NULL, 0);
    truth(getpid(), server, port, TIME_WAIT_REUSES);
}

// One end each of connections between two places, kept open. The server's port is given to the client.
static void hold_server(void) {
    int listener = listening(address_text, 0);
    truth(0, getpid(), port_of(listener), FEW);
    printf("ready\n");
    fflush(stdout);
    for (int i = 0; i < FEW; i++)
        answer(must(accept(listener, NULL, NULL), "accept"));
}

static void hold_client(void) {
    for (int i = 0; i < FEW; i++)
        ask(connected(address_text, other_port));
    truth(getpid(), 0, other_port, FEW);
}

// Connections come and go, others stay, and then, when told to go on, a few more come and go on a port of
// their own.
static void under_load(void) {
    int kept = listening(address_text, 0), busy = listening(address_text, 0),
        last = listening(address_text, 0);
    int kept_port = port_of(kept), busy_port = port_of(busy), last_port = port_of(last);
    int server = forked();
    if (!server) {
        for (int i = 0; i < FEW; i++)
            answer(must(accept(kept, NULL, NULL), "accept"));
        pause();
    }
    int busy_server = server_of(busy, INT_MAX);
    int client = forked();
    if (!client) {
        for (int i = 0; i < FEW; i++)
            ask(connected(address_text, kept_port));
        for (;;)
            ask_and_close(address_text, busy_port);
    }
    printf("loaded\n");
    fflush(stdout);
    wait_for(0);
    int last_server = server_of(last, FEW);
    for (int i = 0; i < FEW; i++)
        ask_and_close(address_text, last_port);
    waitpid(last_server, NULL, 0);
    kill(client, SIGSTOP);
    truth(client, server, kept_port, FEW);
    truth(getpid(), last_server, last_port, FEW);
    printf("{\"clientPid\":%d,\"serverPid\":%d,\"serverPort\":%d,\"count\":0}\n", client, busy_server,
           busy_port);
}

static void failed(int port, int count, const char *why) {
    printf("{\"clientPid\":%d,\"serverPid\":0,\"serverPort\":%d,\"count\":%d,\"failed\":\"%s\"}\n", getpid(),
           port, count, why);
}

// With a port that no other has: what fails is told by the client's address and port.
static int socket_of_its_own(void) {
    static int port = 20000;
    return new_socket(address_text, port++);
}

// A connect that begins and has not ended yet.
static int pending(int port) {
    struct sockaddr_storage to;
    socklen_t length = make_address(address_text, port, &to);
    int fd = socket_of_its_own(), on = 1;
    ioctl(fd, FIONBIO, &on);
    if (connect(fd, (struct sockaddr *)&to, length) == 0 || errno != EINPROGRESS)
        die("begin a connect");
    return fd;
}

// The same, and the kernel gives it up soon.
static int pending_briefly(int port) {
    int fd = pending(port);
    unsigned int timeout_ms = 300;
    must(setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms)), "set a timeout");
    return fd;
}

static int error_of(int fd) {
    int error = 0;
    socklen_t size = sizeof(error);
    must(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), "ask for the error");
    return error;
}

// Ends by itself: the kernel does not stop trying at everything that it tells of before.
static void must_end_with(int fd, int error) {
    struct tcp_info info;
    socklen_t size = sizeof(info);
    while (must(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "ask for the state"),
           info.tcpi_state != TCP_CLOSE)
        usleep(1000);
    if ((errno = error_of(fd)) != error)
        die("fail to connect as was meant");
    close(fd);
}

static void be_refused(int port) {
    struct sockaddr_storage to;
    socklen_t length = make_address(address_text, port, &to);
    int fd = socket_of_its_own();
    if (connect(fd, (struct sockaddr *)&to, length) == 0 || errno != ECONNREFUSED)
        die("be refused");
    close(fd);
}

static void cancel(int port) {
    close(pending(port));
}

// Stays on one processor from now on: its packets over loopback are taken in the order in which they are
// sent.
static void stay_on_one_processor(void) {
    cpu_set_t this;
    CPU_ZERO(&this);
    CPU_SET(must(sched_getcpu(), "ask for the processor"), &this);
    must(sched_setaffinity(0, sizeof(this), &this), "stay on one processor");
}

// Sends a datagram to itself, and takes it: then whatever was sent before has been taken, too.
static void go_round(void) {
    struct sockaddr_storage own;
    socklen_t length = make_address(address_text, 0, &own);
    int fd = must(socket(own.ss_family, SOCK_DGRAM, 0), "make a socket");
    must(bind(fd, (struct sockaddr *)&own, length), "bind");
    length = make_address(address_text, port_of(fd), &own);
    char byte = 'x';
    must((int)sendto(fd, &byte, 1, 0, (struct sockaddr *)&own, length), "send to itself");
    must((int)recv(fd, &byte, 1, 0), "receive from itself");
    close(fd);
}

// Gives up once the firewall's answer has come, of which nothing tells while the kernel tries on.
static void cancel_after_answer(int port) {
    int fd = pending(port);
    go_round(); // the SYN is taken, and the answer sent
    go_round(); // the answer is taken
    close(fd);
}

// As programs do that wait by poll(). IPv4 wakes them at the first answer, while the kernel tries on.
static void ask_why_and_close(int port) {
    int fd = pending_briefly(port);
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    must(poll(&ready, 1, -1), "wait for the connection");
    if ((errno = error_of(fd)) != EHOSTUNREACH)
        die("be told why");
    close(fd);
}

static void shut_down(int port) {
    int fd = pending(port);
    must(shutdown(fd, SHUT_RDWR), "shut down");
    close(fd);
}

// The port is taken by another connection to the same end.
static void be_crowded_out(int port) {
    int listener = listening(address_text, port);
    int first = new_socket(address_text, 0);
    connect_to(first, address_text, port);
    int second = new_socket(address_text, port_of(first));
    struct sockaddr_storage to;
    socklen_t length = make_address(address_text, port, &to);
    if (connect(second, (struct sockaddr *)&to, length) == 0 || errno != EADDRNOTAVAIL)
        die("find the port taken");
    close(second);
    close(first);
    close(listener);
    truth(getpid(), getpid(), port, 1);
}

static uint32_t sum_of(const void *data, size_t bytes) {
    const uint16_t *words = data;
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes / sizeof(*words); i++)
        sum += words[i];
    return sum;
}

// Sends a segment as if a peer at our own address had.
static void send_segment(int raw, int from_port, int to_port, uint32_t sequence, bool is_syn) {
    struct sockaddr_storage to;
    socklen_t length = make_address(address_text, 0, &to); // a raw socket has no ports
    const void *address = &((struct sockaddr_in *)&to)->sin_addr;
    size_t address_bytes = sizeof(struct in_addr);
    if (to.ss_family == AF_INET6) {
        address = &((struct sockaddr_in6 *)&to)->sin6_addr;
        address_bytes = sizeof(struct in6_addr);
    }
    struct tcphdr header = {.source = htons((uint16_t)from_port),
                            .dest = htons((uint16_t)to_port),
                            .seq = htonl(sequence),
                            .doff = sizeof(header) / 4,
                            .syn = is_syn,
                            .rst = !is_syn,
                            .window = htons(1000)};
    uint32_t sum = 2 * sum_of(address, address_bytes) + htons(IPPROTO_TCP) + htons(sizeof(header)) +
                   sum_of(&header, sizeof(header));
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    header.check = (uint16_t)~sum;
    must((int)sendto(raw, &header, sizeof(header), 0, (struct sockaddr *)&to, length), "send a segment");
}

// Of all connects only one whose SYN has crossed the peer's can be reset: before that, an RST refuses it.
static void be_reset(int port) {
    struct sockaddr_storage family;
    make_address(address_text, port, &family);
    int raw = must(socket(family.ss_family, SOCK_RAW, IPPROTO_TCP), "make a raw socket");
    int fd = pending(port);
    send_segment(raw, port, port_of(fd), 1000, true);
    send_segment(raw, port, port_of(fd), 1001, false);
    must_end_with(fd, ECONNRESET);
    close(raw);
}

// Whoever reads our lines destroys the socket.
static void be_aborted(int port) {
    int fd = pending(port);
    printf("abort %d\n", port);
    fflush(stdout);
    wait_for(0);
    must_end_with(fd, ECONNABORTED);
}

static void must_be_reset(int fd) {
    char byte;
    if (recv(fd, &byte, 1, 0) >= 0 || errno != ECONNRESET)
        die("be reset");
    close(fd);
}

// Every way to fail. The test has the firewall answer on the ports 7001, 7005 to 7009 and 7101 on, and
// swallow all that goes to 7002, 7003 and 7010 to 7012. Port 7004 refuses until it is served, and its server
// resets what it served.
static void failing(void) {
    static const struct {
        int port, count;
        const char *why;
        void (*fail)(int port); // else it ends by itself, with one of these errors:
        int error, error_of_ipv6;
    } ways[] = {
        {9, 4, "refused", be_refused, 0, 0},
        {7001, 3, "unreachable", NULL, EHOSTUNREACH, EHOSTUNREACH},
        {7002, 2, "timed out", NULL, ETIMEDOUT, ETIMEDOUT},
        {7003, 5, "cancelled", cancel, 0, 0},
        {7004, 2, "refused", be_refused, 0, 0},
        {7005, 2, "unreachable", NULL, ENETUNREACH, ENETUNREACH},
        {7006, 1, "unreachable", NULL, EHOSTUNREACH, EACCES},
        {7007, 3, "refused", be_refused, 0, 0},
        {7008, 1, "refused", NULL, ECONNREFUSED, ECONNREFUSED},
        {7009, 1, "unreachable", NULL, ENOPROTOOPT, EHOSTUNREACH},
        {7010, 3, "cancelled", shut_down, 0, 0},
        {7011, 6, "reset", be_reset, 0, 0},
        {7012, 2, "aborted", be_aborted, 0, 0},
        {7101, 3, "unreachable", cancel_after_answer, 0, 0},
        {7013, 1, "no free port", be_crowded_out, 0, 0},
        {7102, 1, "unreachable", ask_why_and_close, 0, 0},
    };
    enum {
        WAYS = sizeof(ways) / sizeof(*ways)
    };
    struct sockaddr_storage to;
    make_address(address_text, 0, &to);
    int waiting[WAYS][FEW];
    stay_on_one_processor();
    for (int i = 0; i < WAYS; i++)
        for (int made = 0; !ways[i].fail && made < ways[i].count; made++)
            waiting[i][made] = pending_briefly(ways[i].port);
    for (int i = 0; i < WAYS; i++) {
        for (int made = 0; made < ways[i].count; made++) {
            if (ways[i].fail)
                ways[i].fail(ways[i].port);
            else
                must_end_with(waiting[i][made],
                              to.ss_family == AF_INET6 ? ways[i].error_of_ipv6 : ways[i].error);
        }
        failed(ways[i].port, ways[i].count, ways[i].why);
    }
    int listener = listening(address_text, 7004);
    int server = forked();
    if (!server) {
        for (int i = 0; i < FEW; i++) {
            int fd = must(accept(listener, NULL, NULL), "accept");
            answer(fd);
            reset(fd);
        }
        _exit(0);
    }
    close(listener);
    for (int i = 0; i < FEW; i++) {
        int fd = connected(address_text, 7004);
        ask(fd);
        must_be_reset(fd);
    }
    waitpid(server, NULL, 0);
    truth(getpid(), server, 7004, FEW);
}

// Connections that are reset as soon as they stand: by their server, and when a listener goes away before it
// has accepted them. They were connections all the same, even where connect() is told of nothing but the
// reset.
static void reset_at_once(void) {
    int ports[2], told[2], ready[2];
    must(pipe(told) | pipe(ready), "make a pipe");
    int server = forked();
    if (!server) {
        int listener = listening(address_text, 0), never_accepts = listening(address_text, 0);
        int own_ports[] = {port_of(listener), port_of(never_accepts)};
        must((int)write(told[1], own_ports, sizeof(own_ports)), "tell the ports");
        for (int i = 0; i < FEW; i++)
            reset(must(accept(listener, NULL, NULL), "accept"));
        wait_for(ready[0]);
        close(never_accepts);
        pause();
    }
    if (read(told[0], ports, sizeof(ports)) != sizeof(ports))
        die("learn the ports");
    struct sockaddr_storage to;
    socklen_t length = make_address(address_text, ports[0], &to);
    for (int i = 0; i < FEW; i++) {
        int fd = must(socket(to.ss_family, SOCK_STREAM, 0), "make a socket");
        if (connect(fd, (struct sockaddr *)&to, length) == 0)
            must_be_reset(fd);
        else if (errno != ECONNRESET)
            die("connect");
        else
            close(fd);
    }
    int fds[FEW];
    for (int i = 0; i < FEW; i++)
        fds[i] = connected(address_text, ports[1]);
    say_so(ready[1]);
    for (int i = 0; i < FEW; i++)
        must_be_reset(fds[i]);
    truth(getpid(), server, ports[0], FEW);
    truth(getpid(), server, ports[1], FEW);
}

// The clients have said that they send no more; the servers know it and keep their ends.
static void half_closed(void) {
    int listener = listening(address_text, 0);
    int port = port_of(listener);
    int ready[2];
    must(pipe(ready), "make a pipe");
    int server = forked();
    if (!server) {
        for (int i = 0; i < FEW; i++) {
            int fd = must(accept(listener, NULL, NULL), "accept");
            answer(fd);
            char byte;
            if (recv(fd, &byte, 1, 0) != 0)
                die("see the client's end");
        }
        say_so(ready[1]);
        pause();
    }
    close(listener);
    for (int i = 0; i < FEW; i++) {
        int fd = connected(address_text, port);
        ask(fd);
        must(shutdown(fd, SHUT_WR), "shut down one way");
    }
    wait_for(ready[0]);
    truth(getpid(), server, port, FEW);
}

// They wait in the queue of a listener whose process never takes them.
static void unaccepted(void) {
    int told[2], port;
    must(pipe(told), "make a pipe");
    int server = forked();
    if (!server) {
        int own_port = port_of(listening(address_text, 0));
        must((int)write(told[1], &own_port, sizeof(own_port)), "tell the port");
        pause();
    }
    if (read(told[0], &port, sizeof(port)) != sizeof(port))
        die("learn the port");
    for (int i = 0; i < FEW; i++)
        must((int)send(connected(address_text, port), "x", 1, MSG_NOSIGNAL), "send");
    truth(getpid(), server, port, FEW);
}

// Sends what has room on the way, and closes: the kernel goes on with it, and no process has the socket.
static long send_and_leave(const char *address, int port) {
    static const char data[4096];
    int fd = connected(address, port);
    long sent = 0, part;
    while ((part = send(fd, data, sizeof(data), MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
        sent += part;
    if (errno != EAGAIN)
        die("send");
    close(fd);
    return sent;
}

// Clients that are done before their server has begun to read. It begins when told to go on.
static void orphaned(void) {
    int listener = new_socket(address_text, 0), small = 16384;
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    must(listen(listener, BACKLOG), "listen");
    int port = port_of(listener);
    int begin[2];
    must(pipe(begin), "make a pipe");
    int server = forked();
    if (!server) {
        int fds[FEW];
        for (int i = 0; i < FEW; i++)
            fds[i] = must(accept(listener, NULL, NULL), "accept");
        wait_for(begin[0]);
        for (int i = 0; i < FEW; i++) {
            char data[4096];
            while (must((int)recv(fds[i], data, sizeof(data), 0), "receive") > 0)
                ;
            close(fds[i]);
        }
        _exit(0);
    }
    close(listener);
    long bytes = 0;
    for (int i = 0; i < FEW; i++)
        bytes += send_and_leave(address_text, port);
    printf("{\"clientPid\":%d,\"serverPid\":%d,\"serverPort\":%d,\"count\":%d,\"bytes\":%ld}\n", getpid(),
           server, port, FEW, bytes);
    printf("under way\n");
    fflush(stdout);
    wait_for(0);
    say_so(begin[1]);
    waitpid(server, NULL, 0);
}

static const struct {
    const char *name;
    void (*run)(void);
} scenarios[] = {
    {"short", short_connections},
    {"fixed-port", fixed_port},
    {"whole-loopback", whole_loopback},
    {"mapped", mapped},
    {"self-connect", self_connect},
    {"simultaneous-open", simultaneous_open},
    {"reused-tuple", reused_tuple},
    {"prefork", prefork},
    {"child-serves", child_serves},
    {"passed-descriptor", passed_descriptor},
    {"activated", activated},
    {"serve-fd-3", serve_fd_3},
    {"threads", threads},
    {"io-uring", uring},
    {"killed-client", killed_client},
    {"killed-server", killed_server},
    {"all-ports", all_ports},
    {"fast-open", fast_open},
    {"fast-open-reset", fast_open_reset},
    {"many-namespaces", many_namespaces},
    {"failing", failing},
    {"reset-at-once", reset_at_once},
    {"reused-client-pid", reused_client_pid},
    {"reused-server-pid", reused_server_pid},
    {"handed-on", handed_on},
    {"shared-listener", shared_listener},
    {"reused-time-wait", reused_time_wait},
    {"hold-server", hold_server},
    {"hold-client", hold_client},
    {"under-load", under_load},
    {"half-closed", half_closed},
    {"unaccepted", unaccepted},
    {"orphaned", orphaned},
};

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    setpgid(0, 0); // whoever ends this ends all of its processes
    if (argc > 2)
        address_text = argv[2];
    if (argc > 3)
        other_port = atoi(argv[3]);
    for (size_t i = 0; argc > 1 && i < sizeof(scenarios) / sizeof(*scenarios); i++) {
        if (strcmp(argv[1], scenarios[i].name))
            continue;
        scenarios[i].run();
        printf("done\n");
        fflush(stdout);
        char byte;
        while (read(0, &byte, 1) > 0)
            ;
        return 0;
    }
    fprintf(stderr, "usage: scenarios NAME [ADDRESS [PORT]]\n");
    return 2;
}
