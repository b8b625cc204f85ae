// Tries which features of eBPF the kernel allows to this process, one at a time.
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
