// A netlink socket of any protocol, in any network namespace that a path leads to. It knows nothing of
// messages.
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
    // Classic BPF over each message, run by the kernel before it is queued; empty: all are taken.
    std::vector<struct sock_filter> filter;
};

// What was waiting in a socket.
struct NetlinkBatch {
    // Datagrams one after the other; freed by whoever takes it. Null when there was none.
    uint8_t *data = nullptr;
    size_t size = 0;
    // How often the kernel said that messages were lost because the buffer was full.
    uint32_t overruns = 0;
    // Nothing is left; otherwise there was no more room in `data`.
    bool drained = false;
};

class NetlinkSocket {
  public:
    // Throws KernelError with the errno of what was refused.
    explicit NetlinkSocket(const NetlinkOptions &options);
    ~NetlinkSocket();
    NetlinkSocket(const NetlinkSocket &) = delete;
    NetlinkSocket &operator=(const NetlinkSocket &) = delete;

    // Sends one request to the kernel.
    void send(const std::vector<uint8_t> &request);
    // Takes what is waiting, whole datagrams only, `max_bytes` at most; never waits for more.
    NetlinkBatch receive(size_t max_bytes);
    void close();
    // Whether `receive` would find something, for many sockets by one system call.
    static std::vector<bool> ready(const std::vector<std::shared_ptr<NetlinkSocket>> &sockets);

  private:
    std::mutex mutex_;
    int fd_ = -1;
};
