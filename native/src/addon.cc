// The addon's exports to JavaScript, by subject. Loading it changes nothing in the process.
#include "ebpf/ebpf_bindings.h"
#include "memory/memory_bindings.h"
#include "netlink/netlink_bindings.h"
#include "procfs/file_bindings.h"
#include "procfs/namespace_bindings.h"

#include <napi.h>

namespace {

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
    defineEbpf(env, exports);
    defineNetlink(env, exports);
    defineNamespaces(env, exports);
    defineFiles(env, exports);
    defineMemory(env, exports);
    return exports;
}

} // namespace

NODE_API_MODULE(ebpf_bridge, initialise)
