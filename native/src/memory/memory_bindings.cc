#include "memory_bindings.h"

#include "malloc_settings.h"

namespace {

void keepMallocSmallNow(const Napi::CallbackInfo &) {
    keepMallocSmall();
}

void releaseFreeMemoryNow(const Napi::CallbackInfo &) {
    releaseFreeMemory();
}

} // namespace

void defineMemory(Napi::Env env, Napi::Object exports) {
    exports.Set("keepMallocSmall", Napi::Function::New(env, keepMallocSmallNow, "keepMallocSmall"));
    exports.Set("releaseFreeMemory", Napi::Function::New(env, releaseFreeMemoryNow, "releaseFreeMemory"));
}
