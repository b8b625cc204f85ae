// Reads many small files at once: one call for a hundred processes of /proc, not four for each file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct FileBatch {
    static constexpr int32_t UNREADABLE = -1;
    std::vector<char> data;       // of all files, one after the other
    std::vector<int32_t> lengths; // by file, its number of bytes or UNREADABLE
};

// The first `max_bytes` of each file. UNREADABLE: its process has exited, or we may not read it. Throws
// KernelError (EMFILE, ENFILE) if no file can be opened at all; so does countEntries.
FileBatch readFiles(const std::vector<std::string> &paths, size_t max_bytes);

// How many entries each folder has, or FileBatch::UNREADABLE. With `size_is_count` the folder's size is that
// number (/proc/<pid>/fd from Linux 6.2 on), else the entries are listed.
std::vector<int32_t> countEntries(const std::vector<std::string> &folders, bool size_is_count);
