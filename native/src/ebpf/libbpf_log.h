// Collects messages of libbpf and the verifier: the reason of a refusal.
#pragma once

#include <string>

// While it lives, libbpf's messages of the calling thread come here instead of stderr.
class LibbpfLog {
  public:
    LibbpfLog();
    ~LibbpfLog();
    LibbpfLog(const LibbpfLog &) = delete;
    LibbpfLog &operator=(const LibbpfLog &) = delete;
    // The last line that was a warning, or "".
    std::string lastWarning() const;
    // The verifier's last line, or "": the reason. The lines before it are the path to it.
    std::string verifierLine() const;
};
