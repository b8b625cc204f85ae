// Reads the table of sockets that the BPF programs write (bpf/socket_table.h): news, sockets that ended, and
// whether a socket still lives. All but the overflow map is read from mapped memory.
#pragma once

#include "bpf/socket_table.h"

#include <cstddef>
#include <cstdint>
#include <functional>

class SocketTable {
  public:
    // The maps' descriptors and `shared` stay the caller's, and must outlive the table. `places`: a power of
    // two. Throws KernelError.
    SocketTable(int words_fd, int records_fd, uint32_t places, int overflow_fd, struct tp_shared *shared);
    ~SocketTable();
    SocketTable(const SocketTable &) = delete;
    SocketTable &operator=(const SocketTable &) = delete;

    using Take = std::function<void(const struct tp_record &)>;
    // Hands out the record of each live socket with news, and marks it as reported. A record that is being
    // changed is left for the next call. Returns the number of places in use.
    size_t takeNews(const Take &take);
    // Hands out the record of each socket that has ended, once, and frees its place if the socket is gone.
    void takeEnded(const Take &take);
    // Whether the socket lives. Copies its record to `record`, if given.
    bool find(uint64_t socket_id, struct tp_record *record = nullptr) const;
    // All live sockets as they are now, with the overflow map (by system calls, a batch at a time).
    void forEachLive(const Take &take) const;
    // The socket is gone, though no event reported its end: frees its place.
    void remove(uint64_t socket_id);

  private:
    bool takeOne(uint32_t place, const Take &take);
    bool takeOneEnded(uint32_t place, const Take &take);
    static constexpr uint32_t NOWHERE = UINT32_MAX;
    uint32_t placeOf(uint64_t socket_id) const;
    uint64_t load(uint32_t place) const;
    bool findOverflow(uint64_t socket_id, struct tp_record *record) const;
    void forEachInOverflow(const Take &take) const;

    uint64_t *words_ = nullptr;
    struct tp_record *records_ = nullptr;
    uint32_t mask_;
    int overflow_fd_;
    struct tp_shared *shared_;
};
