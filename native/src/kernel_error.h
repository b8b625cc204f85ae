// A refusal by the kernel, with what was attempted and the errno.
#pragma once

#include <stdexcept>
#include <string>

class KernelError : public std::runtime_error {
  public:
    // `attempted` reads after "could not"; `error` is a positive errno; `detail`: more of the kernel's
    // answer, or
    // "".
    KernelError(const std::string &attempted, int error, const std::string &detail = "");
    int error() const { return error_; }

  private:
    int error_;
};
