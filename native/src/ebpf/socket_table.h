// The table of sockets that the BPF programs write (bpf/socket_table.h), from user space: what is new in it,
// what has ended, and whether a socket is still there. Everything is read from mapped memory, but for the
// overflow.
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
    // Hands out each live socket's record of which there is something new, and notes that it was told. One
    // that is changed just now is left for the next time. Returns how many places are taken.
    size_t takeNews(const Take &take);
    // Hands out each record of a socket that has ended, once, and frees its place when the socket is gone.
    void takeEnded(const Take &take);
    // Whether the socket lives, and its record if it is wanted.
    bool find(uint64_t socket_id, struct tp_record *record = nullptr) const;
    // All live sockets as they are now, those of the overflow too (by system calls, a batch at a time).
    void forEachLive(const Take &take) const;
    // The socket is gone, though no event told of its end: its place is free again.
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
