// Asks the kernel, one feature at a time, what it allows this process to do with eBPF.
#pragma once

#include <string>
#include <vector>

struct Feature {
    std::string name;
    bool usable;
    int error;          // errno, 0 when usable
    std::string reason; // why not, "" when usable
};

// Loads and attaches one do-nothing program of each kind, and detaches it again. Takes some milliseconds;
// blocks.
std::vector<Feature> probeFeatures();
