// Many small files at once: what /proc says of a hundred processes takes one call, not four for each file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct FileBatch {
    static constexpr int32_t UNREADABLE = -1;
    std::vector<char> data;       // of all files, one after the other
    std::vector<int32_t> lengths; // by file, UNREADABLE or how many of these bytes are its own
};

// The first `max_bytes` of each file. One that can't be opened or read has exited, or is not ours to read.
// Throws KernelError (EMFILE, ENFILE) when no file can be opened at all; countEntries, too.
FileBatch readFiles(const std::vector<std::string> &paths, size_t max_bytes);

// How many entries each folder has, FileBatch::UNREADABLE where we may not know. With `size_tells` the kernel
// says so in its size (Linux 6.2 and later of /proc/<pid>/fd), else they are listed.
std::vector<int32_t> countEntries(const std::vector<std::string> &folders, bool size_tells);
