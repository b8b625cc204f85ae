#include "ebpf_bindings.h"

#include "features.h"
#include "promise_worker.h"
#include "record_layout.h"
#include "tracker_object.h"

namespace {

Napi::Value probeFeaturesPromise(const Napi::CallbackInfo &info) {
    using Features = std::vector<Feature>;
    return PromiseWorker<Features>::run(
        info.Env(), Napi::Object::New(info.Env()), [] { return probeFeatures(); },
        [](Napi::Env env, Features &features) -> Napi::Value {
            Napi::Array list = Napi::Array::New(env, features.size());
            for (uint32_t i = 0; i < features.size(); i++) {
                Napi::Object object = Napi::Object::New(env);
                object.Set("name", features[i].name);
                object.Set("usable", features[i].usable);
                object.Set("errno", features[i].error);
                object.Set("reason", features[i].reason);
                list[i] = object;
            }
            return list;
        });
}

} // namespace

void defineEbpf(Napi::Env env, Napi::Object exports) {
    TrackerObject::define(env);
    exports.Set("recordLayoutDigest", RECORD_LAYOUT_DIGEST);
    exports.Set("probeFeatures", Napi::Function::New(env, probeFeaturesPromise, "probeFeatures"));
    exports.Set("loadTracker", Napi::Function::New(env, TrackerObject::load, "loadTracker"));
}
