#include "bpf_error.h"

#include <bpf/libbpf.h>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace {
thread_local bool collecting = false;
thread_local std::string last_warning;

int collect(enum libbpf_print_level level, const char *format, va_list arguments) {
    if (!collecting || level != LIBBPF_WARN)
        return 0;
    char line[512];
    vsnprintf(line, sizeof(line), format, arguments);
    std::string text(line);
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    // The verifier's log is many lines long; the first says what was refused.
    last_warning = text.substr(0, text.find('\n'));
    return 0;
}
} // namespace

BpfError::BpfError(const std::string &attempted, int error)
    : std::runtime_error("could not " + attempted + ": " + strerror(error)), error_(error) {}

LibbpfLog::LibbpfLog() {
    libbpf_set_print(collect);
    collecting = true;
    last_warning.clear();
}

LibbpfLog::~LibbpfLog() {
    collecting = false;
}

std::string LibbpfLog::lastWarning() const {
    return last_warning;
}
