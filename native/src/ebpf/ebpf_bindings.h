// Sets the functions of eBPF on the addon's exports: probeFeatures(), loadTracker(), the digest of the
// record's layout.
#pragma once

#include <napi.h>

void defineEbpf(Napi::Env env, Napi::Object exports);
