// What libbpf and the verifier say, for the reason of a refusal.
#pragma once

#include <string>

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
