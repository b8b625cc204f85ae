#include "net_namespaces.h"

#include "kernel_error.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <linux/nsfs.h>
#include <sched.h>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <thread>
#include <unistd.h>
#include <unordered_set>

namespace {

// `ip netns` and Docker mount namespaces here, below the root of their own process.
constexpr const char *FOLDERS[] = {"/run/netns", "/var/run/netns", "/run/docker/netns",
                                   "/var/run/docker/netns"};
constexpr const char *LINK_PREFIX = "net:[";

// 0 when there is no such file.
uint64_t inodeOf(const std::string &path) {
    struct stat status;
    return stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

// 0 when the text is not `net:[4026531840]`.
uint64_t inodeIn(const std::string &text) {
    if (text.rfind(LINK_PREFIX, 0) != 0)
        return 0;
    return strtoull(text.c_str() + strlen(LINK_PREFIX), nullptr, 10);
}

// Without descriptors an existing namespace would be taken for gone.
void refuseWithoutDescriptors(const std::string &path) {
    if (errno == EMFILE || errno == ENFILE)
        throw KernelError("look for network namespaces in " + path, errno);
}

void forEachEntry(const std::string &folder, const std::function<void(const std::string &)> &take) {
    std::vector<std::string> names;
    DIR *directory = opendir(folder.c_str());
    if (directory == nullptr) {
        refuseWithoutDescriptors(folder);
        return;
    }
    while (const struct dirent *entry = readdir(directory))
        if (entry->d_name[0] != '.')
            names.emplace_back(entry->d_name);
    closedir(directory);
    for (const std::string &name : names)
        take(name);
}

std::vector<uint32_t> pidsIn(const std::string &proc_root) {
    DIR *directory = opendir(proc_root.c_str());
    if (directory == nullptr)
        throw KernelError("list processes in " + proc_root, errno);
    std::vector<uint32_t> pids;
    while (const struct dirent *entry = readdir(directory)) {
        char *end = nullptr;
        unsigned long pid = strtoul(entry->d_name, &end, 10);
        if (end != entry->d_name && *end == '\0' && pid != 0)
            pids.push_back(static_cast<uint32_t>(pid));
    }
    closedir(directory);
    std::sort(pids.begin(), pids.end());
    return pids;
}

// A mount table has spaces, tabs, newlines and backslashes as \040 and the like.
std::string unescaped(const std::string &text) {
    std::string plain;
    for (size_t at = 0; at < text.size(); at++) {
        bool is_escape = text[at] == '\\' && at + 3 < text.size();
        plain +=
            is_escape ? static_cast<char>(strtoul(text.substr(at + 1, 3).c_str(), nullptr, 8)) : text[at];
        at += is_escape ? 3 : 0;
    }
    return plain;
}

// Namespaces of other kinds are mounted, too.
bool isOfNetwork(const std::string &path) {
    int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        refuseWithoutDescriptors(path);
        return false;
    }
    bool is = ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
    close(fd);
    return is;
}

class Search {
  public:
    explicit Search(const NamespaceSearch &asked)
        : asked_(asked), pids_(pidsIn(asked.proc_root)), own_pid_(static_cast<uint32_t>(getpid())) {}

    FoundNamespaces run() {
        for (uint32_t pid : pids_)
            add(folderOf(pid) + "/ns/net", pid);
        for (const NetNamespace &known : asked_.known)
            if (inodeOf(known.path) == known.inode)
                add(known.path, 0);
        for (const char *folder : FOLDERS) {
            lookInto(folder);
            // In a container, that root is another than ours.
            lookInto(folderOf(1) + "/root" + folder);
        }
        if (asked_.mount_tables)
            for (uint32_t pid : pids_)
                if (uint64_t mounts = inodeOf(folderOf(pid) + "/ns/mnt");
                    mounts != 0 && mount_namespaces_.insert(mounts).second)
                    lookAtMounts(folderOf(pid));
        if (asked_.open_files)
            for (uint32_t pid : pids_)
                if (pid != own_pid_)
                    lookAtFiles(folderOf(pid));
        return std::move(found_);
    }

  private:
    std::string folderOf(uint32_t pid) const { return asked_.proc_root + "/" + std::to_string(pid); }

    void add(const std::string &path, uint32_t pid) {
        struct stat status;
        if (stat(path.c_str(), &status) != 0)
            return;
        if (nsfs_ == 0 && pid != 0)
            nsfs_ = status.st_dev;
        if (status.st_dev != nsfs_ || !seen_.insert(status.st_ino).second)
            return;
        if (found_.namespaces.size() >= asked_.max_namespaces)
            found_.left_out++;
        else
            found_.namespaces.push_back({status.st_ino, pid, path});
    }

    void lookInto(const std::string &folder) {
        forEachEntry(folder, [&](const std::string &name) {
            std::string path = folder + "/" + name;
            uint64_t inode = inodeOf(path);
            if (inode != 0 && !seen_.count(inode) && isOfNetwork(path))
                add(path, 0);
        });
    }

    // Of each line, the fourth field is the root of the mount within its file system, the fifth the mount
    // point.
    void lookAtMounts(const std::string &process) {
        errno = 0;
        std::ifstream table(process + "/mountinfo");
        if (!table)
            refuseWithoutDescriptors(process + "/mountinfo");
        for (std::string line; std::getline(table, line);) {
            if (line.find(LINK_PREFIX) == std::string::npos)
                continue;
            std::string fields[5];
            size_t begin = 0;
            for (std::string &field : fields) {
                size_t end = line.find(' ', begin);
                field = line.substr(begin, end - begin);
                begin = end == std::string::npos ? line.size() : end + 1;
            }
            uint64_t inode = inodeIn(fields[3]);
            if (inode != 0 && !seen_.count(inode))
                add(process + "/root" + unescaped(fields[4]), 0);
        }
    }

    // AT_STATX_DONT_SYNC: does not wait for a file server that does not answer.
    bool isUnseenNamespace(const std::string &path) const {
        struct statx status;
        return statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC, STATX_INO, &status) == 0 &&
               makedev(status.stx_dev_major, status.stx_dev_minor) == nsfs_ && !seen_.count(status.stx_ino) &&
               isOfNetwork(path);
    }

    void lookAtFiles(const std::string &process) {
        std::string threads = process + "/task", files = process + "/fd";
        forEachEntry(threads, [&](const std::string &name) { add(threads + "/" + name + "/ns/net", 0); });
        forEachEntry(files, [&](const std::string &name) {
            std::string path = files + "/" + name;
            char text[64];
            ssize_t length = readlink(path.c_str(), text, sizeof(text));
            if (length <= 0)
                return;
            // A namespace opened at its mount point has that path, even after it was unmounted.
            uint64_t inode = inodeIn(std::string(text, static_cast<size_t>(length)));
            bool is_new = text[0] == '/' ? isUnseenNamespace(path) : inode != 0 && !seen_.count(inode);
            if (is_new)
                add(path, 0);
        });
    }

    const NamespaceSearch &asked_;
    const std::vector<uint32_t> pids_;
    const uint32_t own_pid_;
    // The device of the file system of namespaces, from the first one found.
    dev_t nsfs_ = 0;
    std::unordered_set<uint64_t> seen_;
    std::unordered_set<uint64_t> mount_namespaces_;
    FoundNamespaces found_;
};

} // namespace

FoundNamespaces netNamespaces(const NamespaceSearch &search) {
    return Search(search).run();
}

// The thread that enters other namespaces must end.
std::vector<std::string> readInNamespaces(const std::vector<std::string> &paths, const std::string &name) {
    std::vector<std::string> texts(paths.size());
    std::thread([&] {
        for (size_t i = 0; i < paths.size(); i++) {
            int netns = open(paths[i].c_str(), O_RDONLY | O_CLOEXEC);
            if (netns < 0)
                continue;
            if (setns(netns, CLONE_NEWNET) == 0) {
                std::ostringstream text;
                text << std::ifstream("/proc/thread-self/net/" + name).rdbuf();
                texts[i] = text.str();
            }
            close(netns);
        }
    }).join();
    return texts;
}
