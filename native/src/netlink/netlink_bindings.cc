#include "netlink_bindings.h"

#include "netlink_socket.h"
#include "promise_worker.h"

#include <cstdlib>
#include <cstring>
#include <memory>

namespace {

using Shared = std::shared_ptr<NetlinkSocket>;
using Handle = Napi::External<Shared>;

struct Nothing {};

std::vector<uint8_t> bytesOf(Napi::Value value) {
    auto bytes = value.As<Napi::Uint8Array>();
    return {bytes.Data(), bytes.Data() + bytes.ByteLength()};
}

NetlinkOptions optionsOf(Napi::Object given) {
    NetlinkOptions options;
    options.protocol = given.Get("protocol").As<Napi::Number>().Int32Value();
    options.netns_path = given.Get("netnsPath").As<Napi::String>().Utf8Value();
    options.receive_bytes = given.Get("receiveBytes").As<Napi::Number>().Uint32Value();
    auto groups = given.Get("groups").As<Napi::Array>();
    for (uint32_t i = 0; i < groups.Length(); i++)
        options.groups.push_back(groups.Get(i).As<Napi::Number>().Uint32Value());
    std::vector<uint8_t> filter = bytesOf(given.Get("filter"));
    options.filter.resize(filter.size() / sizeof(struct sock_filter));
    if (!options.filter.empty())
        memcpy(options.filter.data(), filter.data(), options.filter.size() * sizeof(struct sock_filter));
    return options;
}

Napi::Value openNetlink(const Napi::CallbackInfo &info) {
    NetlinkOptions options = optionsOf(info[0].As<Napi::Object>());
    return PromiseWorker<Shared>::run(
        info.Env(), Napi::Object::New(info.Env()),
        [options] { return std::make_shared<NetlinkSocket>(options); },
        [](Napi::Env env, Shared &socket) -> Napi::Value {
            return Handle::New(env, new Shared(socket), [](Napi::Env, Shared *held) { delete held; });
        });
}

// The kernel makes the answer to a dump while it is read: sending only queues its first part.
Napi::Value sendNetlink(const Napi::CallbackInfo &info) {
    Shared socket = *info[0].As<Handle>().Data();
    std::vector<uint8_t> request = bytesOf(info[1]);
    return PromiseWorker<Nothing>::run(
        info.Env(), Napi::Object::New(info.Env()),
        [socket, request] {
            socket->send(request);
            return Nothing{};
        },
        [](Napi::Env env, Nothing &) -> Napi::Value { return env.Undefined(); });
}

Napi::Value batchValue(Napi::Env env, NetlinkBatch &batch) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("data", batch.data == nullptr
                           ? Napi::ArrayBuffer::New(env, 0)
                           : Napi::ArrayBuffer::New(env, batch.data, batch.size,
                                                    [](Napi::Env, void *data) { free(data); }));
    object.Set("overruns", Napi::Number::New(env, batch.overruns));
    object.Set("drained", Napi::Boolean::New(env, batch.drained));
    return object;
}

Napi::Value receiveNetlink(const Napi::CallbackInfo &info) {
    Shared socket = *info[0].As<Handle>().Data();
    size_t max_bytes = static_cast<size_t>(info[1].As<Napi::Number>().Int64Value());
    return PromiseWorker<NetlinkBatch>::run(
        info.Env(), Napi::Object::New(info.Env()), [socket, max_bytes] { return socket->receive(max_bytes); },
        batchValue);
}

Napi::Value closeNetlink(const Napi::CallbackInfo &info) {
    Shared socket = *info[0].As<Handle>().Data();
    return PromiseWorker<Nothing>::run(
        info.Env(), Napi::Object::New(info.Env()),
        [socket] {
            socket->close();
            return Nothing{};
        },
        [](Napi::Env env, Nothing &) -> Napi::Value { return env.Undefined(); });
}

Napi::Value readyNetlink(const Napi::CallbackInfo &info) {
    auto handles = info[0].As<Napi::Array>();
    std::vector<Shared> sockets;
    for (uint32_t i = 0; i < handles.Length(); i++)
        sockets.push_back(*handles.Get(i).As<Handle>().Data());
    return PromiseWorker<std::vector<bool>>::run(
        info.Env(), Napi::Object::New(info.Env()), [sockets] { return NetlinkSocket::ready(sockets); },
        [](Napi::Env env, std::vector<bool> &ready) -> Napi::Value {
            Napi::Array list = Napi::Array::New(env, ready.size());
            for (uint32_t i = 0; i < ready.size(); i++)
                list[i] = Napi::Boolean::New(env, ready[i]);
            return list;
        });
}

} // namespace

void defineNetlink(Napi::Env env, Napi::Object exports) {
    auto define = [&](const char *name, Napi::Value (*function)(const Napi::CallbackInfo &)) {
        exports.Set(name, Napi::Function::New(env, function, name));
    };
    define("openNetlink", openNetlink);
    define("sendNetlink", sendNetlink);
    define("receiveNetlink", receiveNetlink);
    define("closeNetlink", closeNetlink);
    define("readyNetlink", readyNetlink);
}
