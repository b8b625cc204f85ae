#include "ebpf_bindings.h"

#include "bpf/record.h"
#include "features.h"
#include "promise_worker.h"
#include "tracker_object.h"

#include <cstddef>

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

Napi::Object recordLayout(Napi::Env env) {
    Napi::Object layout = Napi::Object::New(env);
    auto set = [&](const char *name, size_t offset) { layout.Set(name, static_cast<double>(offset)); };
    set("recordBytes", sizeof(struct tp_record));
    set("socketId", offsetof(struct tp_record, socket_id));
    set("startNanos", offsetof(struct tp_record, start_ns));
    set("endNanos", offsetof(struct tp_record, end_ns));
    set("bytesSent", offsetof(struct tp_record, bytes_sent));
    set("bytesReceived", offsetof(struct tp_record, bytes_received));
    set("localAddress", offsetof(struct tp_record, local_address));
    set("remoteAddress", offsetof(struct tp_record, remote_address));
    set("netns", offsetof(struct tp_record, netns));
    set("pid", offsetof(struct tp_record, pid));
    set("srttMicros", offsetof(struct tp_record, srtt_us));
    set("retransmits", offsetof(struct tp_record, retransmits));
    set("connectMicros", offsetof(struct tp_record, connect_us));
    set("scopeId", offsetof(struct tp_record, scope_id));
    set("localPort", offsetof(struct tp_record, local_port));
    set("remotePort", offsetof(struct tp_record, remote_port));
    set("errno", offsetof(struct tp_record, error));
    set("direction", offsetof(struct tp_record, direction));
    set("state", offsetof(struct tp_record, state));
    set("pidEvidence", offsetof(struct tp_record, pid_evidence));
    set("directionEvidence", offsetof(struct tp_record, direction_evidence));
    set("flags", offsetof(struct tp_record, flags));
    set("subflows", offsetof(struct tp_record, subflows));
    set("pidStartNanos", offsetof(struct tp_record, pid_start_ns));
    set("listenerPid", offsetof(struct tp_record, listener_pid));
    set("comm", offsetof(struct tp_record, comm));
    set("holderBytes", sizeof(struct tp_holder));
    return layout;
}

} // namespace

void defineEbpf(Napi::Env env, Napi::Object exports) {
    TrackerObject::define(env);
    exports.Set("recordLayout", recordLayout(env));
    exports.Set("probeFeatures", Napi::Function::New(env, probeFeaturesPromise, "probeFeatures"));
    exports.Set("loadTracker", Napi::Function::New(env, TrackerObject::load, "loadTracker"));
}
