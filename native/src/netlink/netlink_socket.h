// A netlink socket of any protocol, in any network namespace that has a path. It does not parse messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <linux/filter.h>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct NetlinkOptions {
    int protocol = 0;
    // Multicast groups to join.
    std::vector<uint32_t> groups;
    // A file such as /proc/1/ns/net; empty: the caller's own namespace.
    std::string netns_path;
    // Receive buffer; may exceed net.core.rmem_max where the caller has CAP_NET_ADMIN. 0: the system's
    // default.
    uint32_t receive_bytes = 0;
    // Classic BPF that the kernel runs on each message before queueing it; empty: all messages.
    std::vector<struct sock_filter> filter;
};

// The messages that were waiting in a socket.
struct NetlinkBatch {
    // Datagrams one after the other; the caller frees it. Null: there was none.
    uint8_t *data = nullptr;
    size_t size = 0;
    // How often the kernel reported that messages were lost because the buffer was full (ENOBUFS).
    uint32_t overruns = 0;
    // Nothing is left; else `data` is full.
    bool drained = false;
};

class NetlinkSocket {
  public:
    // Throws KernelError.
    explicit NetlinkSocket(const NetlinkOptions &options);
    ~NetlinkSocket();
    NetlinkSocket(const NetlinkSocket &) = delete;
    NetlinkSocket &operator=(const NetlinkSocket &) = delete;

    // Sends one request to the kernel.
    void send(const std::vector<uint8_t> &request);
    // Takes the waiting datagrams, whole, `max_bytes` at most; never waits for more.
    NetlinkBatch receive(size_t max_bytes);
    void close();
    // Whether `receive` would find something, for many sockets in one system call.
    static std::vector<bool> ready(const std::vector<std::shared_ptr<NetlinkSocket>> &sockets);

  private:
    std::mutex mutex_;
    int fd_ = -1;
};
