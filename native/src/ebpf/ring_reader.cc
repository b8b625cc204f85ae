#include "ring_reader.h"

#include "kernel_error.h"

#include <algorithm>
#include <cerrno>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

// Mapped at a time: large enough that system calls are cheap, small enough that the kernel soon gets the room
// back.
constexpr size_t WINDOW_BYTES = 256 * 1024;
constexpr size_t RECORD_ALIGNMENT = 8;
// The map's file: a page with the consumer's position, one with the producer's, then the ring, twice.
constexpr size_t CONSUMER_PAGE = 0;
constexpr size_t PRODUCER_PAGE = 1;
constexpr size_t RING_PAGE = 2;

void *mapped(int fd, size_t bytes, int protection, size_t offset) {
    void *memory = mmap(nullptr, bytes, protection, MAP_SHARED, fd, static_cast<off_t>(offset));
    if (memory == MAP_FAILED)
        throw KernelError("map the ring buffer", errno);
    return memory;
}

// A mapping of part of the ring.
struct Window {
    const char *memory;
    size_t bytes;
    Window(int fd, size_t bytes, size_t offset)
        : memory(static_cast<const char *>(mapped(fd, bytes, PROT_READ, offset))), bytes(bytes) {}
    ~Window() { munmap(const_cast<char *>(memory), bytes); }
    Window(const Window &) = delete;
    Window &operator=(const Window &) = delete;
};

size_t roundedUp(size_t bytes, size_t to) {
    return (bytes + to - 1) / to * to;
}

} // namespace

RingReader::RingReader(int map_fd, uint32_t ring_bytes)
    : map_fd_(map_fd), page_bytes_(static_cast<size_t>(sysconf(_SC_PAGESIZE))), ring_bytes_(ring_bytes) {
    void *consumer = mapped(map_fd, page_bytes_, PROT_READ | PROT_WRITE, CONSUMER_PAGE * page_bytes_);
    consumer_ = static_cast<unsigned long *>(consumer);
    try {
        producer_ = static_cast<const unsigned long *>(
            mapped(map_fd, page_bytes_, PROT_READ, PRODUCER_PAGE * page_bytes_));
    } catch (...) {
        munmap(consumer, page_bytes_);
        throw;
    }
}

RingReader::~RingReader() {
    munmap(const_cast<unsigned long *>(producer_), page_bytes_);
    munmap(consumer_, page_bytes_);
}

void RingReader::consume(const Take &take) {
    while (consumeWindow(take)) {
    }
}

// False: nothing more can be read now. Positions only grow. The order matters: the producer's position is
// loaded before the records, and a record's length before its payload (the kernel stores them in reverse).
// Our own position is stored after all reads: from then on the kernel may overwrite the records.
bool RingReader::consumeWindow(const Take &take) {
    unsigned long position = *consumer_;
    unsigned long written = __atomic_load_n(producer_, __ATOMIC_ACQUIRE);
    if (position == written)
        return false;
    size_t in_ring = position & (ring_bytes_ - 1);
    size_t in_page = in_ring % page_bytes_;
    // The ring's second copy follows the first, so that records that wrap around are in one piece.
    size_t bytes = std::min(roundedUp(in_page + (written - position), page_bytes_), WINDOW_BYTES);
    Window window(map_fd_, bytes, RING_PAGE * page_bytes_ + in_ring - in_page);

    bool is_complete = true;
    size_t at = in_page;
    while (at < bytes && position != written) {
        const auto *header = reinterpret_cast<const uint32_t *>(window.memory + at);
        uint32_t length = __atomic_load_n(header, __ATOMIC_ACQUIRE);
        is_complete = !(length & BPF_RINGBUF_BUSY_BIT);
        if (!is_complete)
            break;
        size_t payload = length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
        size_t end = at + roundedUp(BPF_RINGBUF_HDR_SZ + payload, RECORD_ALIGNMENT);
        bool is_cut = end > bytes;
        // The next window has it whole, unless no window can hold it.
        if (is_cut && at > in_page)
            break;
        if (!is_cut && !(length & BPF_RINGBUF_DISCARD_BIT))
            take(window.memory + at + BPF_RINGBUF_HDR_SZ, payload);
        position += end - at;
        at = end;
    }
    __atomic_store_n(consumer_, position, __ATOMIC_RELEASE);
    return is_complete;
}
