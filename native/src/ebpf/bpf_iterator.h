// Reads a BPF iterator: each read runs its program over the kernel's next objects.
#pragma once

#include "kernel_error.h"

#include <cstddef>
#include <functional>
#include <string>

struct bpf_link;

// The kernel refuses to start or to run an iterator.
class IteratorError : public KernelError {
    using KernelError::KernelError;
};

class BpfIterator {
  public:
    // Starts one. An iterator over sockets reads those of the calling thread's network namespace. `what`
    // names the program in errors. Throws IteratorError.
    BpfIterator(struct bpf_link *link, const char *what);
    ~BpfIterator();
    BpfIterator(BpfIterator &&other) noexcept;
    BpfIterator &operator=(BpfIterator &&other) noexcept;
    BpfIterator(const BpfIterator &) = delete;
    BpfIterator &operator=(const BpfIterator &) = delete;

    // Runs on until the program has written so many bytes; returns how many it wrote, 0 at the end. Throws
    // IteratorError.
    size_t read(void *buffer, size_t bytes);
    // Runs to the end; `output` gets what the program writes, in pieces of at most `bytes`.
    void readAll(size_t bytes, const std::function<void(const char *data, size_t bytes)> &output);

  private:
    int fd_;
    const char *what_;
};
