#include "tracker_object.h"

#include "counters.h"
#include "promise_worker.h"

#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

// TrackerSnapshot.namespaces in index.d.ts names them.
constexpr size_t NAMESPACE_NUMBERS = 10;

struct Nothing {};

Napi::Value undefined(Napi::Env env, Nothing &) {
    return env.Undefined();
}

// `lent`: memory that the caller gave for the records.
Napi::ArrayBuffer recordsValue(Napi::Env env, const TrackerSnapshot &snapshot, Napi::ArrayBuffer lent) {
    if (snapshot.unchanged)
        return Napi::ArrayBuffer::New(env, 0);
    if (!lent.IsEmpty() && lent.Data() == snapshot.records)
        return lent;
    return Napi::ArrayBuffer::New(env, snapshot.records, snapshot.room,
                                  [](Napi::Env, void *data) { free(data); });
}

Napi::Value snapshotValue(Napi::Env env, TrackerSnapshot &snapshot, Napi::ArrayBuffer lent) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("records", recordsValue(env, snapshot, lent));
    object.Set("recordCount", Napi::Number::New(env, static_cast<double>(snapshot.count)));
    object.Set("unchanged", Napi::Boolean::New(env, snapshot.unchanged));
    object.Set("sameSockets", Napi::Boolean::New(env, snapshot.same_sockets));
    object.Set("visited", Napi::Boolean::New(env, snapshot.visited));
    object.Set("takenAtNanos", Napi::Number::New(env, static_cast<double>(snapshot.taken_at_ns)));
    object.Set("lost", Napi::Number::New(env, static_cast<double>(snapshot.lost)));
    Napi::Float64Array namespaces =
        Napi::Float64Array::New(env, snapshot.namespaces.size() * NAMESPACE_NUMBERS);
    size_t at = 0;
    for (const auto &[netns, counts] : snapshot.namespaces) {
        const OtherCounts &other = counts.other;
        for (uint64_t number :
             {uint64_t{netns}, counts.active, counts.passive, counts.established, other.live, other.closed,
              other.failed, other.bytes_sent, other.bytes_received, other.retransmits})
            namespaces[at++] = static_cast<double>(number);
    }
    object.Set("namespaces", namespaces);
    return object;
}

struct FoundHolders {
    std::vector<struct tp_holder> holders;
    uint64_t dropped = 0;
};

Napi::Value holdersValue(Napi::Env env, FoundHolders &found) {
    size_t bytes = found.holders.size() * TP_HOLDER_BYTES;
    Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, bytes);
    if (bytes > 0)
        memcpy(buffer.Data(), found.holders.data(), bytes);
    Napi::Object object = Napi::Object::New(env);
    object.Set("holders", buffer);
    object.Set("holderCount", Napi::Number::New(env, static_cast<double>(found.holders.size())));
    object.Set("dropped", Napi::Number::New(env, static_cast<double>(found.dropped)));
    return object;
}

Napi::FunctionReference &constructorOf(Napi::Env env) {
    return *env.GetInstanceData<Napi::FunctionReference>();
}

} // namespace

Napi::Function TrackerObject::define(Napi::Env env) {
    Napi::Function constructor =
        DefineClass(env, "NativeTracker",
                    {
                        InstanceMethod<&TrackerObject::confirmHolders>("confirmHolders"),
                        InstanceMethod<&TrackerObject::tellHolders>("tellHolders"),
                        InstanceMethod<&TrackerObject::snapshot>("snapshot"),
                        InstanceMethod<&TrackerObject::counters>("counters"),
                        InstanceMethod<&TrackerObject::close>("close"),
                    });
    env.SetInstanceData(new Napi::FunctionReference(Napi::Persistent(constructor)));
    return constructor;
}

TrackerObject::TrackerObject(const Napi::CallbackInfo &info) : Napi::ObjectWrap<TrackerObject>(info) {
    if (info.Length() == 1 && info[0].IsExternal())
        tracker_ = *info[0].As<Napi::External<std::shared_ptr<Tracker>>>().Data();
    else
        throw Napi::TypeError::New(info.Env(), "NativeTracker is made by loadTracker()");
}

Napi::Value TrackerObject::load(const Napi::CallbackInfo &info) {
    Napi::Object given = info[0].As<Napi::Object>();
    TrackerOptions options = {given.Get("ringBytes").As<Napi::Number>().Uint32Value(),
                              given.Get("maxConnections").As<Napi::Number>().Uint32Value(),
                              given.Get("maxConnectionsPerNetns").As<Napi::Number>().Uint32Value(),
                              given.Get("cheapVisitNanos").As<Napi::Number>().Uint32Value()};
    using Shared = std::shared_ptr<Tracker>;
    return PromiseWorker<Shared>::run(
        info.Env(), given, [options] { return std::make_shared<Tracker>(options); },
        [](Napi::Env env, Shared &tracker) -> Napi::Value {
            return constructorOf(env).New({Napi::External<Shared>::New(env, &tracker)});
        });
}

Napi::Value TrackerObject::confirmHolders(const Napi::CallbackInfo &info) {
    auto tracker = tracker_;
    return PromiseWorker<Nothing>::run(
        info.Env(), Value(),
        [tracker] {
            tracker->confirmHolders();
            return Nothing{};
        },
        undefined);
}

Napi::Value TrackerObject::tellHolders(const Napi::CallbackInfo &info) {
    auto tracker = tracker_;
    return PromiseWorker<FoundHolders>::run(
        info.Env(), Value(),
        [tracker] {
            HolderTable table = tracker->tellHolders();
            return FoundHolders{table.sorted(), table.dropped()};
        },
        holdersValue);
}

Napi::Value TrackerObject::snapshot(const Napi::CallbackInfo &info) {
    SnapshotRequest request;
    auto lent = std::make_shared<Napi::Reference<Napi::ArrayBuffer>>();
    if (info.Length() > 0 && info[0].IsObject()) {
        Napi::Object given = info[0].As<Napi::Object>();
        request.thrifty = given.Get("thrifty").ToBoolean();
        request.may_be_unchanged = given.Get("mayBeUnchanged").ToBoolean();
        Napi::Value memory = given.Get("memory");
        if (memory.IsArrayBuffer()) {
            auto buffer = memory.As<Napi::ArrayBuffer>();
            *lent = Napi::Persistent(buffer); // kept alive until the snapshot is there
            request.memory = static_cast<struct tp_record *>(buffer.Data());
            request.room = buffer.ByteLength();
        }
    }
    auto tracker = tracker_;
    return PromiseWorker<TrackerSnapshot>::run(
        info.Env(), Value(), [tracker, request] { return tracker->snapshot(request); },
        [lent](Napi::Env env, TrackerSnapshot &snapshot) {
            return snapshotValue(env, snapshot, lent->IsEmpty() ? Napi::ArrayBuffer() : lent->Value());
        });
}

Napi::Value TrackerObject::counters(const Napi::CallbackInfo &info) {
    struct Counters {
        std::array<uint64_t, TP_COUNTERS> kernel;
        size_t live;
        uint64_t stored;
    };
    auto tracker = tracker_;
    return PromiseWorker<Counters>::run(
        info.Env(), Value(),
        [tracker] {
            return Counters{tracker->counters(), tracker->liveCount(), tracker->storedCount()};
        },
        [](Napi::Env env, Counters &values) -> Napi::Value {
            Napi::Object object = Napi::Object::New(env);
            for (uint32_t which = 0; which < TP_COUNTERS; which++)
                object.Set(COUNTER_NAMES[which],
                           Napi::Number::New(env, static_cast<double>(values.kernel[which])));
            object.Set("live", Napi::Number::New(env, static_cast<double>(values.live)));
            object.Set("stored", Napi::Number::New(env, static_cast<double>(values.stored)));
            return object;
        });
}

Napi::Value TrackerObject::close(const Napi::CallbackInfo &info) {
    auto tracker = tracker_;
    return PromiseWorker<Nothing>::run(
        info.Env(), Value(),
        [tracker] {
            tracker->close();
            return Nothing{};
        },
        undefined);
}
