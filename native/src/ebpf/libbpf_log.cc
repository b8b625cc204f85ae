#include "libbpf_log.h"

#include <bpf/libbpf.h>
#include <cstdarg>
#include <cstdio>
#include <sstream>

namespace {
thread_local bool collecting = false;
thread_local std::string last_warning;
thread_local std::string verifier_line;

constexpr const char *LOG_BEGIN = "-- BEGIN PROG LOAD LOG --";
constexpr const char *LOG_END = "-- END PROG LOAD LOG --";
// The verifier's statistics, after its verdict.
constexpr const char *LOG_ACCOUNT = "processed ";

std::string formatted(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(nullptr, 0, format, again);
    va_end(again);
    if (length <= 0)
        return "";
    std::string text(static_cast<size_t>(length) + 1, '\0');
    vsnprintf(text.data(), text.size(), format, arguments);
    text.pop_back();
    return text;
}

std::string lastLineOfLog(const std::string &text) {
    std::istringstream lines(text);
    std::string line, last;
    while (std::getline(lines, line))
        if (!line.empty() && line.find(LOG_BEGIN) == std::string::npos &&
            line.find(LOG_END) == std::string::npos && line.rfind(LOG_ACCOUNT, 0) != 0)
            last = line;
    return last;
}

int collect(enum libbpf_print_level level, const char *format, va_list arguments) {
    if (!collecting || level != LIBBPF_WARN)
        return 0;
    std::string text = formatted(format, arguments);
    if (text.find(LOG_BEGIN) != std::string::npos) {
        verifier_line = lastLineOfLog(text);
        return 0;
    }
    last_warning = text.substr(0, text.find('\n'));
    return 0;
}
} // namespace

LibbpfLog::LibbpfLog() {
    libbpf_set_print(collect);
    collecting = true;
    last_warning.clear();
    verifier_line.clear();
}

LibbpfLog::~LibbpfLog() {
    collecting = false;
}

std::string LibbpfLog::lastWarning() const {
    return last_warning;
}

std::string LibbpfLog::verifierLine() const {
    return verifier_line;
}
