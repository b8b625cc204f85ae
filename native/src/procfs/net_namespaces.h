// The network namespaces of this machine: of processes, and those kept alive without a process, by a mount
// (`ip netns add`, Docker), a thread or an open file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct NetNamespace {
    // Inode of the namespace.
    uint64_t inode = 0;
    // The lowest PID found in it; 0: no process.
    uint32_t pid = 0;
    // A file that leads to it.
    std::string path;
};

struct NamespaceSearch {
    std::string proc_root;
    // Namespaces without a process that were found before: their paths are tried again.
    std::vector<NetNamespace> known;
    // Go through the mount table of each mount namespace.
    bool mount_tables = false;
    // Go through the threads and open files of each process.
    bool open_files = false;
    size_t max_namespaces = 0;
};

struct FoundNamespaces {
    // In the order of the lowest PIDs, then those without a process.
    std::vector<NetNamespace> namespaces;
    // Found, but beyond `max_namespaces`.
    size_t left_out = 0;
};

// Each namespace once. Namespaces that may not be read, or end meanwhile, are left out. Throws KernelError if
// `proc_root` can't be read.
FoundNamespaces netNamespaces(const NamespaceSearch &search);

// The text of a file of /proc/net in each namespace, as seen from inside; empty where it can't be entered or
// read.
std::vector<std::string> readInNamespaces(const std::vector<std::string> &paths, const std::string &name);
