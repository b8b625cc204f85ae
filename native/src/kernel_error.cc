#include "kernel_error.h"

#include <cstring>

KernelError::KernelError(const std::string &attempted, int error, const std::string &detail)
    : std::runtime_error("could not " + attempted + ": " + strerror(error) +
                         (detail.empty() ? "" : " (" + detail + ")")),
      error_(error) {}
