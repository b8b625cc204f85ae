#include "netlink_socket.h"

#include "kernel_error.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace {

// The most bytes in one datagram of a dump.
constexpr size_t MAX_DATAGRAM = 64 * 1024;

struct Opened {
    int fd;
    // For the message, if `error` is not 0.
    const char *attempted;
    int error;
};

Opened openIn(const NetlinkOptions &options, bool enter) {
    if (enter) {
        int netns = open(options.netns_path.c_str(), O_RDONLY | O_CLOEXEC);
        if (netns < 0)
            return {-1, "open the network namespace", errno};
        int error = setns(netns, CLONE_NEWNET) == 0 ? 0 : errno;
        close(netns);
        if (error != 0)
            return {-1, "enter the network namespace", error};
    }
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, options.protocol);
    return {fd, "open a netlink socket", fd < 0 ? errno : 0};
}

// A socket stays in the namespace that it was made in. The thread that enters another namespace must end.
Opened openSocket(const NetlinkOptions &options) {
    if (options.netns_path.empty())
        return openIn(options, false);
    Opened opened{};
    std::thread([&] { opened = openIn(options, true); }).join();
    return opened;
}

} // namespace

NetlinkSocket::NetlinkSocket(const NetlinkOptions &options) {
    Opened opened = openSocket(options);
    if (opened.error != 0)
        throw KernelError(opened.attempted, opened.error);
    fd_ = opened.fd;
    auto require = [this](bool done, const char *attempted) {
        if (done)
            return;
        int error = errno;
        close();
        throw KernelError(attempted, error);
    };
    if (options.receive_bytes != 0) {
        // The forced size needs CAP_NET_ADMIN in the namespace; without that, the system's limit applies.
        int size = static_cast<int>(options.receive_bytes);
        if (setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
            setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    }
    // Before any group is joined, so that no message bypasses it.
    if (!options.filter.empty()) {
        struct sock_fprog program = {static_cast<unsigned short>(options.filter.size()),
                                     const_cast<struct sock_filter *>(options.filter.data())};
        require(setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0,
                "attach a filter to the netlink socket");
    }
    struct sockaddr_nl address = {};
    address.nl_family = AF_NETLINK;
    require(bind(fd_, reinterpret_cast<struct sockaddr *>(&address), sizeof(address)) == 0,
            "bind the netlink socket");
    for (uint32_t group : options.groups)
        require(setsockopt(fd_, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) == 0,
                "join a netlink group");
}

NetlinkSocket::~NetlinkSocket() {
    close();
}

void NetlinkSocket::send(const std::vector<uint8_t> &request) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (fd_ < 0)
        throw std::runtime_error("a netlink socket was used after it was closed");
    struct sockaddr_nl kernel = {};
    kernel.nl_family = AF_NETLINK;
    ssize_t sent = sendto(fd_, request.data(), request.size(), 0,
                          reinterpret_cast<struct sockaddr *>(&kernel), sizeof(kernel));
    if (sent < 0)
        throw KernelError("send a netlink request", errno);
}

NetlinkBatch NetlinkSocket::receive(size_t max_bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (fd_ < 0)
        throw std::runtime_error("a netlink socket was used after it was closed");
    NetlinkBatch batch;
    size_t capacity = 0;
    while (batch.size + MAX_DATAGRAM <= max_bytes) {
        if (batch.size + MAX_DATAGRAM > capacity) {
            capacity = capacity == 0 ? MAX_DATAGRAM : capacity * 2;
            auto *larger = static_cast<uint8_t *>(realloc(batch.data, capacity));
            if (larger == nullptr) {
                free(batch.data);
                throw KernelError("read a netlink socket", ENOMEM);
            }
            batch.data = larger;
        }
        ssize_t got = recv(fd_, batch.data + batch.size, MAX_DATAGRAM, MSG_DONTWAIT);
        if (got > 0) {
            batch.size += static_cast<size_t>(got);
        } else if (got == 0 || errno == EAGAIN || errno == EWOULDBLOCK) {
            batch.drained = true;
            break;
        } else if (errno == ENOBUFS) {
            batch.overruns++;
        } else if (errno != EINTR) {
            int error = errno;
            free(batch.data);
            throw KernelError("read a netlink socket", error);
        }
    }
    if (batch.size == 0) {
        free(batch.data);
        batch.data = nullptr;
    } else if (auto *fitting = static_cast<uint8_t *>(realloc(batch.data, batch.size)); fitting != nullptr) {
        batch.data = fitting;
    }
    return batch;
}

void NetlinkSocket::close() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (fd_ >= 0)
        ::close(fd_);
    fd_ = -1;
}

std::vector<bool> NetlinkSocket::ready(const std::vector<std::shared_ptr<NetlinkSocket>> &sockets) {
    // A descriptor that is closed meanwhile may count as ready: `receive` reports it.
    std::vector<struct pollfd> polled;
    for (const auto &socket : sockets) {
        std::lock_guard<std::mutex> lock(socket->mutex_);
        polled.push_back({socket->fd_, POLLIN, 0});
    }
    if (poll(polled.data(), polled.size(), 0) < 0)
        throw KernelError("poll netlink sockets", errno);
    std::vector<bool> ready;
    for (const struct pollfd &one : polled)
        ready.push_back(one.revents != 0);
    return ready;
}
