// A refusal by the kernel or libbpf, with what was attempted and the errno.
#pragma once

#include <stdexcept>
#include <string>

class BpfError : public std::runtime_error {
  public:
    // `attempted` reads after "could not"; `error` is a positive errno; `detail` what else the kernel said,
    // or "".
    BpfError(const std::string &attempted, int error, const std::string &detail = "");
    int error() const { return error_; }

  private:
    int error_;
};

// Collects libbpf's own words of the calling thread while it lives, instead of letting them reach stderr.
class LibbpfLog {
  public:
    LibbpfLog();
    ~LibbpfLog();
    LibbpfLog(const LibbpfLog &) = delete;
    LibbpfLog &operator=(const LibbpfLog &) = delete;
    // The last line that was a warning, or "".
    std::string lastWarning() const;
    // What the verifier said last, or "": the reason, as what comes before is how it got there.
    std::string verifierLine() const;
};
