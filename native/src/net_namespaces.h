// The network namespaces of the running processes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct NetNamespace {
    // Inode of the namespace.
    uint64_t inode;
    // The lowest PID found in it.
    uint32_t pid;
};

// One entry per namespace, in the order of the lowest PIDs. Processes that may not be looked at, or end
// meanwhile, are left out. Throws BpfError when `proc_root` can't be read.
std::vector<NetNamespace> netNamespaces(const std::string &proc_root);
