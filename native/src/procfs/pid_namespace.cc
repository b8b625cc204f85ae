#include "pid_namespace.h"

#include <fcntl.h>
#include <fstream>
#include <linux/nsfs.h>
#include <optional>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

// Of the outermost PID namespace, in every kernel (include/linux/proc_ns.h).
constexpr uint32_t OUTERMOST = 0xEFFFFFFC;
// The inode of no namespace.
constexpr uint32_t NONE = 1;

std::optional<uint32_t> inodeOf(const std::string &path) {
    struct stat status;
    if (stat(path.c_str(), &status) != 0)
        return std::nullopt;
    return static_cast<uint32_t>(status.st_ino);
}

// Whether a process has one PID only, as this /proc shows it: then /proc is of the process's own namespace.
bool isOfOwnNamespace(const std::string &process) {
    std::ifstream file(process + "/status");
    for (std::string line; std::getline(file, line);) {
        if (line.rfind("NSpid:", 0) != 0)
            continue;
        std::istringstream numbers(line.substr(6));
        size_t count = 0;
        for (uint32_t number; numbers >> number;)
            count++;
        return count == 1;
    }
    return false;
}

// Only the outermost namespace has kernel threads, and anyone may read their names.
bool hasKernelThreads(const std::string &proc_root) {
    std::ifstream file(proc_root + "/2/comm");
    std::string name;
    return std::getline(file, name) && name == "kthreadd";
}

// The kernel refuses a namespace's parent unless that parent is our own namespace, or below it.
bool isBelowOwn(const std::string &path) {
    int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    int parent = ioctl(fd, NS_GET_PARENT);
    if (parent >= 0)
        close(parent);
    close(fd);
    return parent >= 0;
}

} // namespace

// Process 1 of a /proc is the first of its namespace, but reading its namespace needs CAP_SYS_PTRACE.
PidNamespace pidNamespaceOf(const std::string &proc_root) {
    const std::string first = proc_root + "/1/ns/pid";
    std::optional<uint32_t> own = inodeOf(proc_root + "/self/ns/pid");
    if (!own)
        own = inodeOf("/proc/self/ns/pid");
    std::optional<uint32_t> inode = inodeOf(first);
    if (!inode && own && isOfOwnNamespace(proc_root + "/self"))
        inode = own;
    if (!inode && hasKernelThreads(proc_root))
        inode = OUTERMOST;
    bool is_outermost = own == OUTERMOST;
    bool has_own_files = is_outermost || (inode && own && *inode == *own) || isBelowOwn(first);
    return {
        .inode = !inode                ? NONE
                 : *inode == OUTERMOST ? 0
                                       : *inode,
        .is_known = inode.has_value(),
        .has_own_files = has_own_files,
        .has_all_files = is_outermost,
    };
}
