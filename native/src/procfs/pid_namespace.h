// The PID namespace that a mounted /proc belongs to: records name processes by their PIDs in it, so that they
// are those of the files below it.
#pragma once

#include <cstdint>
#include <string>

struct PidNamespace {
    // Inode; 0: the outermost, in which PIDs are the kernel's own.
    uint32_t inode;
    // False: which one it is could not be found out, and no process has a PID.
    bool is_known;
    // Iterators over open files come by processes of this thread's own PID namespace and of those below it.
    // Whether these are all that have a PID in this one, and all that there are.
    bool has_own_files;
    bool has_all_files;
};

// Never fails: what can't be found out is told.
PidNamespace pidNamespaceOf(const std::string &proc_root);
