// The live sockets as user space last heard of them, and those closed since the last snapshot: flat records.
#pragma once

#include "../bpf/record.h"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

// What was seen in one network namespace, to be held against the kernel's own counters (RFC 4022:
// tcpActiveOpens, tcpPassiveOpens, tcpCurrEstab).
struct NamespaceSeen {
    uint64_t active = 0; // connects since the tracker was loaded, pending and failed ones among them
    uint64_t passive = 0;
    uint64_t established = 0; // at the last snapshot: ESTABLISHED or CLOSE-WAIT
};

class LiveTable {
  public:
    explicit LiveTable(size_t max_closed) : max_closed_(max_closed) {}

    // Takes one record from the ring: a live socket's news, or a closed socket.
    void apply(const struct tp_record &record);

    // After a loss: the kernel will send every live socket again between begin and end; whoever is not among
    // them has closed unseen, and is closed here as of `now_ns`.
    void beginResync();
    void endResync(uint64_t now_ns);

    size_t recordCount() const { return live_.size() + closed_.size(); }
    size_t liveCount() const { return live_.size(); }
    uint64_t droppedClosed() const { return dropped_closed_; }
    // By inode of the namespace. Of more namespaces than MAX_NAMESPACES the further ones are not counted.
    const std::unordered_map<uint32_t, NamespaceSeen> &seenByNamespace() const { return seen_; }
    // Copies the live, then the closed records to `to` and forgets the closed ones.
    void take(struct tp_record *to);

    static constexpr size_t MAX_NAMESPACES = 16384;

  private:
    NamespaceSeen *namespaceOf(const struct tp_record &record);
    void countOpen(const struct tp_record &record);
    void countEstablished();
    bool isKnown(uint64_t socket_id) const;
    void upsert(const struct tp_record &record);
    void remove(uint64_t socket_id);
    bool close(const struct tp_record &record);

    size_t max_closed_;
    uint64_t dropped_closed_ = 0;
    std::vector<struct tp_record> live_;
    std::unordered_map<uint64_t, uint32_t> index_;
    std::vector<struct tp_record> closed_;
    // Connects that were pending at the last snapshot: counted, and not handed out before they are decided.
    std::unordered_set<uint64_t> connecting_;
    std::unordered_map<uint32_t, NamespaceSeen> seen_;
    std::vector<struct tp_record> before_resync_;
    std::unordered_map<uint64_t, uint32_t> index_before_resync_;
    std::unordered_set<uint64_t> closed_in_resync_;
};
