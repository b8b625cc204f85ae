#include "net_namespaces.h"

#include "bpf_error.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <dirent.h>
#include <sys/stat.h>
#include <unordered_set>

std::vector<NetNamespace> netNamespaces(const std::string &proc_root) {
    DIR *directory = opendir(proc_root.c_str());
    if (directory == nullptr)
        throw BpfError("list processes in " + proc_root, errno);
    std::vector<uint32_t> pids;
    while (const struct dirent *entry = readdir(directory)) {
        char *end = nullptr;
        unsigned long pid = strtoul(entry->d_name, &end, 10);
        if (end != entry->d_name && *end == '\0' && pid != 0)
            pids.push_back(static_cast<uint32_t>(pid));
    }
    closedir(directory);
    std::sort(pids.begin(), pids.end());

    std::vector<NetNamespace> namespaces;
    std::unordered_set<uint64_t> seen;
    for (uint32_t pid : pids) {
        struct stat status;
        if (stat((proc_root + "/" + std::to_string(pid) + "/ns/net").c_str(), &status) == 0 &&
            seen.insert(status.st_ino).second)
            namespaces.push_back({status.st_ino, pid});
    }
    return namespaces;
}
