#include "memory_bindings.h"

#include "malloc_settings.h"

namespace {

void keepMallocSmallNow(const Napi::CallbackInfo &) {
    keepMallocSmall();
}

} // namespace

void defineMemory(Napi::Env env, Napi::Object exports) {
    exports.Set("keepMallocSmall", Napi::Function::New(env, keepMallocSmallNow, "keepMallocSmall"));
}
