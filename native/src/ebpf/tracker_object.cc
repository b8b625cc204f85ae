#include "tracker_object.h"

#include "counters.h"
#include "promise_worker.h"

#include <algorithm>

#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

struct Nothing {};

Napi::Value undefined(Napi::Env env, Nothing &) {
    return env.Undefined();
}

Napi::ArrayBuffer recordsValue(Napi::Env env, const TrackerSnapshot &snapshot) {
    if (snapshot.records == nullptr)
        return Napi::ArrayBuffer::New(env, 0);
    return Napi::ArrayBuffer::New(env, snapshot.records, snapshot.room,
                                  [](Napi::Env, void *data) { free(data); });
}

// Ids, two words each, the lower one first.
Napi::Int32Array idsValue(Napi::Env env, const std::vector<uint64_t> &ids) {
    auto words = Napi::Int32Array::New(env, ids.size() * 2);
    if (!ids.empty())
        memcpy(words.Data(), ids.data(), ids.size() * sizeof(ids[0]));
    return words;
}

Napi::ArrayBuffer namespacesValue(Napi::Env env,
                                  const std::vector<std::pair<uint32_t, NamespaceCounts>> &namespaces) {
    auto buffer = Napi::ArrayBuffer::New(env, namespaces.size() * TP_NAMESPACE_BYTES);
    auto *row = static_cast<struct tp_namespace *>(buffer.Data());
    for (const auto &[netns, counts] : namespaces) {
        const OverflowCounts &overflow = counts.overflow;
        *row++ = {
            .netns = netns,
            .active = counts.active,
            .passive = counts.passive,
            .established = counts.established,
            .live = overflow.live,
            .closed = overflow.closed,
            .failed = overflow.failed,
            .bytes_sent = overflow.bytes_sent,
            .bytes_received = overflow.bytes_received,
            .retransmits = overflow.retransmits,
        };
    }
    return buffer;
}

Napi::Value snapshotValue(Napi::Env env, TrackerSnapshot &snapshot) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("records", recordsValue(env, snapshot));
    object.Set("recordCount", Napi::Number::New(env, static_cast<double>(snapshot.count)));
    object.Set("isWhole", Napi::Boolean::New(env, snapshot.whole));
    object.Set("gone", idsValue(env, snapshot.gone));
    object.Set("scanned", Napi::Boolean::New(env, snapshot.scanned));
    object.Set("takenAtNanos", Napi::Number::New(env, static_cast<double>(snapshot.taken_at_ns)));
    object.Set("refused", Napi::Number::New(env, static_cast<double>(snapshot.refused)));
    object.Set("foreign", Napi::Number::New(env, static_cast<double>(snapshot.foreign)));
    object.Set("unsure", Napi::Boolean::New(env, snapshot.unsure));
    object.Set("lost", Napi::Number::New(env, static_cast<double>(snapshot.lost)));
    object.Set("namespaces", namespacesValue(env, snapshot.namespaces));
    object.Set("namespaceCount", Napi::Number::New(env, static_cast<double>(snapshot.namespaces.size())));
    return object;
}

// From the `NamespacePaths` of index.d.ts; undefined: none.
NamespacePaths namespacePaths(const Napi::Value &given) {
    NamespacePaths found;
    if (!given.IsObject())
        return found;
    auto object = given.As<Napi::Object>();
    auto inodes = object.Get("inodes").As<Napi::Float64Array>();
    std::string paths = object.Get("paths").As<Napi::String>().Utf8Value();
    size_t begin = 0;
    for (size_t i = 0; i < inodes.ElementLength() && begin < paths.size(); i++) {
        size_t end = std::min(paths.find('\0', begin), paths.size());
        found.emplace(static_cast<uint32_t>(inodes[i]), paths.substr(begin, end - begin));
        begin = end + 1;
    }
    return found;
}

std::unordered_set<uint32_t> inhabitedOf(const Napi::Value &given) {
    std::unordered_set<uint32_t> found;
    if (!given.IsObject())
        return found;
    auto inodes = given.As<Napi::Object>().Get("inhabited").As<Napi::Float64Array>();
    for (size_t i = 0; i < inodes.ElementLength(); i++)
        found.insert(static_cast<uint32_t>(inodes[i]));
    return found;
}

struct FoundHolders {
    std::vector<struct tp_holder> holders;
    uint64_t dropped = 0;
    uint64_t cpu_ns = 0;
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
    object.Set("cpuNanos", Napi::Number::New(env, static_cast<double>(found.cpu_ns)));
    return object;
}

Napi::FunctionReference &constructorOf(Napi::Env env) {
    return *env.GetInstanceData<Napi::FunctionReference>();
}

} // namespace

Napi::Function TrackerObject::define(Napi::Env env) {
    Napi::Function constructor = DefineClass(env, "NativeTracker",
                                             {
                                                 InstanceMethod<&TrackerObject::sweepAdopt>("sweepAdopt"),
                                                 InstanceMethod<&TrackerObject::sweepHolders>("sweepHolders"),
                                                 InstanceMethod<&TrackerObject::snapshot>("snapshot"),
                                                 InstanceMethod<&TrackerObject::counters>("counters"),
                                                 InstanceMethod<&TrackerObject::refusals>("refusals"),
                                                 InstanceMethod<&TrackerObject::pidNamespace>("pidNamespace"),
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
                              given.Get("scanShare").As<Napi::Number>().DoubleValue(),
                              given.Get("cheapScanNanos").As<Napi::Number>().Uint32Value(),
                              given.Get("procRoot").As<Napi::String>().Utf8Value(),
                              {}};
    Napi::Array without = given.Get("without").As<Napi::Array>();
    for (uint32_t i = 0; i < without.Length(); i++)
        options.without.push_back(without.Get(i).As<Napi::String>().Utf8Value());
    using Shared = std::shared_ptr<Tracker>;
    return PromiseWorker<Shared>::run(
        info.Env(), given, [options] { return std::make_shared<Tracker>(options); },
        [](Napi::Env env, Shared &tracker) -> Napi::Value {
            return constructorOf(env).New({Napi::External<Shared>::New(env, &tracker)});
        });
}

Napi::Value TrackerObject::sweepAdopt(const Napi::CallbackInfo &info) {
    auto tracker = tracker_;
    NamespacePaths namespaces = namespacePaths(info[0]);
    return PromiseWorker<Nothing>::run(
        info.Env(), Value(),
        [tracker, namespaces] {
            tracker->sweepAdopt(namespaces);
            return Nothing{};
        },
        undefined);
}

Napi::Value TrackerObject::sweepHolders(const Napi::CallbackInfo &info) {
    auto tracker = tracker_;
    return PromiseWorker<FoundHolders>::run(
        info.Env(), Value(),
        [tracker] {
            HolderTable table = tracker->sweepHolders();
            return FoundHolders{table.sorted(), table.dropped(), table.cpu_ns};
        },
        holdersValue);
}

Napi::Value TrackerObject::snapshot(const Napi::CallbackInfo &info) {
    SnapshotRequest request;
    if (info.Length() > 0 && info[0].IsObject()) {
        Napi::Object given = info[0].As<Napi::Object>();
        request.may_defer_scan = given.Get("mayDeferScan").ToBoolean();
        request.changes_only = given.Get("changesOnly").ToBoolean();
        request.namespaces = namespacePaths(given.Get("namespaces"));
        request.inhabited = inhabitedOf(given.Get("namespaces"));
    }
    auto tracker = tracker_;
    return PromiseWorker<TrackerSnapshot>::run(
        info.Env(), Value(), [tracker, request] { return tracker->snapshot(request); }, snapshotValue);
}

Napi::Value TrackerObject::counters(const Napi::CallbackInfo &info) {
    auto tracker = tracker_;
    return PromiseWorker<TrackerCounters>::run(
        info.Env(), Value(), [tracker] { return tracker->counters(); },
        [](Napi::Env env, TrackerCounters &counters) -> Napi::Value {
            Napi::Object object = Napi::Object::New(env);
            auto set = [&](const char *name, uint64_t value) {
                object.Set(name, Napi::Number::New(env, static_cast<double>(value)));
            };
            for (uint32_t which = 0; which < TP_COUNTERS; which++)
                set(COUNTER_NAMES[which], counters.programs[which]);
            const SocketTotals &sockets = counters.sockets;
            set("connects", sockets.connects);
            set("accepted", sockets.accepted);
            set("closed", sockets.closed);
            set("failed", sockets.failed);
            set("pending", sockets.pending);
            set("live", counters.live);
            set("stored", counters.stored);
            return object;
        });
}

Napi::Value TrackerObject::refusals(const Napi::CallbackInfo &info) {
    using Refusals = std::vector<Refusal>;
    auto tracker = tracker_;
    return PromiseWorker<Refusals>::run(
        info.Env(), Value(), [tracker] { return tracker->refusals(); },
        [](Napi::Env env, Refusals &refusals) -> Napi::Value {
            Napi::Array list = Napi::Array::New(env, refusals.size());
            for (uint32_t i = 0; i < refusals.size(); i++) {
                Napi::Object object = Napi::Object::New(env);
                object.Set("program", refusals[i].program);
                object.Set("section", refusals[i].section);
                object.Set("step", refusals[i].step);
                object.Set("errno", refusals[i].error);
                object.Set("reason", refusals[i].reason());
                list[i] = object;
            }
            return list;
        });
}

Napi::Value TrackerObject::pidNamespace(const Napi::CallbackInfo &info) {
    const PidNamespace &found = tracker_->pidNamespace();
    Napi::Object object = Napi::Object::New(info.Env());
    object.Set("inode", Napi::Number::New(info.Env(), found.inode));
    object.Set("isKnown", Napi::Boolean::New(info.Env(), found.is_known));
    object.Set("hasOwnFiles", Napi::Boolean::New(info.Env(), found.has_own_files));
    object.Set("hasAllFiles", Napi::Boolean::New(info.Env(), found.has_all_files));
    return object;
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
