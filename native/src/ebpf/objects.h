// The compiled BPF objects, embedded in the addon by the assembler (objects.S).
#pragma once

extern "C" {
extern const unsigned char topoprobe_tracker_object[];
extern const unsigned char topoprobe_tracker_object_end[];
extern const unsigned char topoprobe_features_object[];
extern const unsigned char topoprobe_features_object_end[];
}
