#include "bpf_iterator.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <unistd.h>
#include <utility>
#include <vector>

BpfIterator::BpfIterator(struct bpf_link *link, const char *what)
    : fd_(bpf_iter_create(bpf_link__fd(link))), what_(what) {
    if (fd_ < 0)
        throw IteratorError(std::string("start iterator ") + what, errno);
}

BpfIterator::~BpfIterator() {
    if (fd_ >= 0)
        close(fd_);
}

BpfIterator::BpfIterator(BpfIterator &&other) noexcept
    : fd_(std::exchange(other.fd_, -1)), what_(other.what_) {}

BpfIterator &BpfIterator::operator=(BpfIterator &&other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(what_, other.what_);
    return *this;
}

size_t BpfIterator::read(void *buffer, size_t bytes) {
    for (;;) {
        ssize_t got = ::read(fd_, buffer, bytes);
        if (got >= 0)
            return static_cast<size_t>(got);
        // EAGAIN: the kernel pauses after a million objects without output.
        if (errno != EAGAIN && errno != EINTR)
            throw IteratorError(std::string("read iterator ") + what_, errno);
    }
}

void BpfIterator::readAll(size_t bytes, const std::function<void(const char *data, size_t bytes)> &output) {
    std::vector<char> buffer(bytes);
    while (size_t got = read(buffer.data(), buffer.size()))
        output(buffer.data(), got);
}
