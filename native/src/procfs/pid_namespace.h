// The PID namespace that a mounted /proc belongs to. Records name processes by their PIDs in it, so that the
// PIDs match the folders of that /proc.
#pragma once

#include <cstdint>
#include <string>

struct PidNamespace {
    // Inode; 0: the outermost, whose PIDs are the kernel's own.
    uint32_t inode;
    // False: the namespace is unknown, and no process has a PID.
    bool is_known;
    // Iterators over open files reach the processes of this thread's own PID namespace and those below it.
    // Whether that is all processes with a PID in this namespace, and all processes of the machine.
    bool has_own_files;
    bool has_all_files;
};

// Never fails: `is_known` is false instead.
PidNamespace pidNamespaceOf(const std::string &proc_root);
