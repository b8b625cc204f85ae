#include "file_batch.h"

#include "kernel_error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

// /proc hands out a file in pieces of a page or less.
int32_t readFully(int fd, char *into, size_t max_bytes) {
    size_t length = 0;
    while (length < max_bytes) {
        ssize_t got = read(fd, into + length, max_bytes - length);
        if (got == 0)
            break;
        if (got > 0)
            length += static_cast<size_t>(got);
        else if (errno != EINTR)
            return FileBatch::UNREADABLE; // ESRCH: it exited between open and read
    }
    return static_cast<int32_t>(length);
}

// Without descriptors a running process would be taken for one that has exited.
void refuseWithoutDescriptors(const std::string &path) {
    if (errno == EMFILE || errno == ENFILE)
        throw KernelError("read " + path, errno);
}

int32_t entriesListed(const char *path) {
    DIR *folder = opendir(path);
    if (folder == nullptr) {
        refuseWithoutDescriptors(path);
        return FileBatch::UNREADABLE;
    }
    int32_t entries = 0;
    while (const struct dirent *entry = readdir(folder))
        entries += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return entries;
}

} // namespace

FileBatch readFiles(const std::vector<std::string> &paths, size_t max_bytes) {
    FileBatch batch;
    batch.lengths.reserve(paths.size());
    std::vector<char> one(max_bytes);
    for (const std::string &path : paths) {
        int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            refuseWithoutDescriptors(path);
        int32_t length = fd < 0 ? FileBatch::UNREADABLE : readFully(fd, one.data(), max_bytes);
        if (fd >= 0)
            close(fd);
        batch.lengths.push_back(length);
        batch.data.insert(batch.data.end(), one.begin(), one.begin() + std::max(0, length));
    }
    return batch;
}

std::vector<int32_t> countEntries(const std::vector<std::string> &folders, bool size_is_count) {
    std::vector<int32_t> counts;
    counts.reserve(folders.size());
    for (const std::string &folder : folders) {
        struct stat status;
        if (!size_is_count)
            counts.push_back(entriesListed(folder.c_str()));
        else
            counts.push_back(stat(folder.c_str(), &status) == 0 ? static_cast<int32_t>(status.st_size)
                                                                : FileBatch::UNREADABLE);
    }
    return counts;
}
