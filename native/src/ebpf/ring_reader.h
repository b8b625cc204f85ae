// Reads a BPF ring buffer. Its format is the kernel's ABI (BPF_MAP_TYPE_RINGBUF in linux/bpf.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

// libbpf's own reader maps the whole ring, twice in a row for records that wrap around its end, and all of it
// counts as resident memory of the process. This reader maps only waiting records, while it reads them.
// Not for use by two threads at once. Failures throw KernelError.
class RingReader {
  public:
    using Take = std::function<void(const void *record, size_t bytes)>;

    // `ring_bytes`: the map's max_entries. The map must outlive the reader.
    RingReader(int map_fd, uint32_t ring_bytes);
    ~RingReader();
    RingReader(const RingReader &) = delete;
    RingReader &operator=(const RingReader &) = delete;

    // Hands out the waiting records in order, up to the first that is still being written. A record is valid
    // within its call. After a failure the rest comes with the next call.
    void consume(const Take &take);

  private:
    bool consumeWindow(const Take &take);

    int map_fd_;
    size_t page_bytes_;
    uint32_t ring_bytes_;
    unsigned long *consumer_ = nullptr;       // our position, for the kernel
    const unsigned long *producer_ = nullptr; // the kernel's position
};
