#include "socket_table.h"

#include "kernel_error.h"

#include <bpf/bpf.h>
#include <cerrno>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace {

// A place that changes more often than this while it is read is left for the next call.
constexpr int MAX_READS = 8;
constexpr uint32_t OVERFLOW_BATCH = 256;

// The kernel maps whole pages of an array map.
size_t mappedBytes(size_t bytes) {
    size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    return (bytes + page - 1) / page * page;
}

void *mapped(int fd, size_t bytes) {
    void *memory = mmap(nullptr, mappedBytes(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        throw KernelError("map the table of sockets", errno);
    return memory;
}

bool isLive(uint64_t word) {
    return word & (TP_WORD_LIVE | TP_WORD_PENDING) && !(word & TP_WORD_CLOSED);
}

// False: the place was given to another socket meanwhile, or its record is still blank.
bool isOf(const struct tp_record &record, uint64_t word) {
    return (record.socket_id & TP_COOKIE_MASK) == word >> TP_WORD_SHIFT;
}

} // namespace

SocketTable::SocketTable(int words_fd, int records_fd, uint32_t places, int overflow_fd,
                         struct tp_shared *shared)
    : mask_(places - 1), overflow_fd_(overflow_fd), shared_(shared) {
    words_ = static_cast<uint64_t *>(mapped(words_fd, places * sizeof(*words_)));
    try {
        records_ = static_cast<struct tp_record *>(mapped(records_fd, places * sizeof(*records_)));
    } catch (...) {
        munmap(words_, mappedBytes(places * sizeof(*words_)));
        throw;
    }
}

SocketTable::~SocketTable() {
    size_t places = static_cast<size_t>(mask_) + 1;
    munmap(records_, mappedBytes(places * sizeof(*records_)));
    munmap(words_, mappedBytes(places * sizeof(*words_)));
}

uint64_t SocketTable::load(uint32_t place) const {
    return __atomic_load_n(&words_[place], __ATOMIC_ACQUIRE);
}

size_t SocketTable::takeNews(const Take &take) {
    size_t taken = 0;
    for (uint32_t at = 0; at <= mask_; at++) {
        uint64_t word = __atomic_load_n(&words_[at], __ATOMIC_RELAXED);
        taken += word != 0 && !(word & TP_WORD_CLOSED);
        if (word & TP_WORD_DIRTY && isLive(word))
            for (int reads = 0; reads < MAX_READS && takeOne(at, take); reads++) {
            }
    }
    return taken;
}

// True: it changed meanwhile; read it again.
bool SocketTable::takeOne(uint32_t place, const Take &take) {
    uint64_t word = load(place);
    if (!(word & TP_WORD_DIRTY) || word & TP_WORD_BUSY || !isLive(word))
        return false;
    uint64_t reported = (word & ~static_cast<uint64_t>(TP_WORD_DIRTY)) | TP_WORD_REPORTED;
    if (!__atomic_compare_exchange_n(&words_[place], &word, reported, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return true;
    struct tp_record record = records_[place];
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    uint64_t after = load(place);
    if (after == reported) {
        if (!isOf(record, reported))
            return false;
        if (!(reported & TP_WORD_LIVE)) { // the handshake may be half written
            record.state = TCP_SYN_SENT;
            record.flags &= static_cast<uint8_t>(~TP_FLAG_ESTABLISHED);
        }
        take(record);
        return false;
    }
    // If it has ended, its final record follows.
    return after >> TP_WORD_SHIFT == reported >> TP_WORD_SHIFT && isLive(after);
}

void SocketTable::takeEnded(const Take &take) {
    for (uint32_t at = 0; at <= mask_; at++)
        if (__atomic_load_n(&words_[at], __ATOMIC_RELAXED) & TP_WORD_ENDED)
            for (int reads = 0; reads < MAX_READS && takeOneEnded(at, take); reads++) {
            }
}

// True: it changed meanwhile; read it again.
bool SocketTable::takeOneEnded(uint32_t place, const Take &take) {
    uint64_t word = load(place);
    if (!(word & TP_WORD_ENDED) || word & TP_WORD_BUSY)
        return false;
    uint64_t id = __atomic_load_n(&records_[place].socket_id, __ATOMIC_ACQUIRE);
    struct tp_record record = records_[place];
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    // A socket that was used again and has ended again meanwhile has the same word but another id.
    if (__atomic_load_n(&records_[place].socket_id, __ATOMIC_RELAXED) != id)
        return true;
    uint64_t taken = word & TP_WORD_GONE ? 0 : word & ~static_cast<uint64_t>(TP_WORD_ENDED);
    if (!__atomic_compare_exchange_n(&words_[place], &word, taken, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return true;
    take(record);
    return false;
}

uint32_t SocketTable::placeOf(uint64_t socket_id) const {
    uint64_t cookie = socket_id & TP_COOKIE_MASK;
    for (uint32_t at : {tp_first_place(cookie, mask_), tp_second_place(cookie, mask_)})
        if (load(at) >> TP_WORD_SHIFT == cookie)
            return at;
    return NOWHERE;
}

bool SocketTable::findOverflow(uint64_t socket_id, struct tp_record *record) const {
    uint64_t cookie = socket_id & TP_COOKIE_MASK;
    return bpf_map_lookup_elem(overflow_fd_, &cookie, record) == 0;
}

bool SocketTable::find(uint64_t socket_id, struct tp_record *record) const {
    struct tp_record found;
    uint32_t place = placeOf(socket_id);
    if (place != NOWHERE) {
        if (!isLive(load(place)))
            return false;
        found = records_[place];
    } else if (!findOverflow(socket_id, &found)) {
        return false;
    }
    if (found.socket_id != socket_id || found.state == TCP_CLOSE)
        return false;
    if (record != nullptr)
        *record = found;
    return true;
}

void SocketTable::forEachLive(const Take &take) const {
    for (uint32_t at = 0; at <= mask_; at++) {
        uint64_t word = load(at);
        if (!isLive(word))
            continue;
        struct tp_record record = records_[at];
        if (isOf(record, word))
            take(record);
    }
    forEachInOverflow([&take](const struct tp_record &record) {
        if (record.state != TCP_CLOSE)
            take(record);
    });
}

// Entries that are added or removed meanwhile may be left out, or handed out twice.
void SocketTable::forEachInOverflow(const Take &take) const {
    // Even an empty map takes a millisecond.
    if (__atomic_load_n(&shared_->overflow, __ATOMIC_RELAXED) == 0)
        return;
    std::vector<uint64_t> cookies(OVERFLOW_BATCH);
    std::vector<struct tp_record> records(OVERFLOW_BATCH);
    uint32_t from = 0;
    bool is_first = true;
    for (bool more = true; more;) {
        uint32_t count = static_cast<uint32_t>(cookies.size()), next = 0;
        int failed = bpf_map_lookup_batch(overflow_fd_, is_first ? nullptr : &from, &next, cookies.data(),
                                          records.data(), &count, nullptr);
        if (failed && errno == ENOSPC) { // one bucket has more entries than the batch
            cookies.resize(cookies.size() * 2);
            records.resize(cookies.size());
            continue;
        }
        if (failed && errno != ENOENT)
            throw KernelError("read the records of sockets", errno);
        more = !failed;
        is_first = false;
        from = next;
        for (uint32_t i = 0; i < count; i++)
            take(records[i]);
    }
}

void SocketTable::remove(uint64_t socket_id) {
    uint32_t place = placeOf(socket_id);
    if (place != NOWHERE) {
        uint64_t word = load(place);
        // A socket that has ended meanwhile is left to takeEnded().
        if (word >> TP_WORD_SHIFT == (socket_id & TP_COOKIE_MASK) && !(word & TP_WORD_CLOSED))
            __atomic_compare_exchange_n(&words_[place], &word, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
        return;
    }
    uint64_t cookie = socket_id & TP_COOKIE_MASK;
    if (bpf_map_delete_elem(overflow_fd_, &cookie) == 0)
        __atomic_fetch_sub(&shared_->overflow, 1, __ATOMIC_RELAXED);
}
