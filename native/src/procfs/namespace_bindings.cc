#include "namespace_bindings.h"

#include "net_namespaces.h"
#include "promise_worker.h"

namespace {

std::vector<NetNamespace> namespacesIn(Napi::Value value) {
    std::vector<NetNamespace> namespaces;
    auto given = value.As<Napi::Array>();
    for (uint32_t i = 0; i < given.Length(); i++) {
        auto one = given.Get(i).As<Napi::Object>();
        namespaces.push_back({static_cast<uint64_t>(one.Get("inode").As<Napi::Number>().Int64Value()), 0,
                              one.Get("path").As<Napi::String>().Utf8Value()});
    }
    return namespaces;
}

Napi::Value foundValue(Napi::Env env, FoundNamespaces &found) {
    Napi::Array list = Napi::Array::New(env, found.namespaces.size());
    for (uint32_t i = 0; i < found.namespaces.size(); i++) {
        const NetNamespace &one = found.namespaces[i];
        Napi::Object object = Napi::Object::New(env);
        object.Set("inode", static_cast<double>(one.inode));
        object.Set("pid", one.pid);
        object.Set("path", one.path);
        list[i] = object;
    }
    Napi::Object object = Napi::Object::New(env);
    object.Set("namespaces", list);
    object.Set("leftOut", static_cast<double>(found.left_out));
    return object;
}

Napi::Value netNamespacesPromise(const Napi::CallbackInfo &info) {
    auto given = info[0].As<Napi::Object>();
    NamespaceSearch search;
    search.proc_root = given.Get("procRoot").As<Napi::String>().Utf8Value();
    search.known = namespacesIn(given.Get("known"));
    search.mount_tables = given.Get("mountTables").As<Napi::Boolean>().Value();
    search.open_files = given.Get("openFiles").As<Napi::Boolean>().Value();
    search.max_namespaces = given.Get("maxNamespaces").As<Napi::Number>().Uint32Value();
    return PromiseWorker<FoundNamespaces>::run(
        info.Env(), Napi::Object::New(info.Env()),
        [search = std::move(search)] { return netNamespaces(search); }, foundValue);
}

Napi::Value readInNamespacesPromise(const Napi::CallbackInfo &info) {
    using Texts = std::vector<std::string>;
    std::vector<std::string> paths;
    auto given = info[0].As<Napi::Array>();
    for (uint32_t i = 0; i < given.Length(); i++)
        paths.push_back(given.Get(i).As<Napi::String>().Utf8Value());
    std::string name = info[1].As<Napi::String>().Utf8Value();
    return PromiseWorker<Texts>::run(
        info.Env(), Napi::Object::New(info.Env()),
        [paths = std::move(paths), name = std::move(name)] { return readInNamespaces(paths, name); },
        [](Napi::Env env, Texts &texts) -> Napi::Value {
            Napi::Array list = Napi::Array::New(env, texts.size());
            for (uint32_t i = 0; i < texts.size(); i++)
                list[i] = Napi::String::New(env, texts[i]);
            return list;
        });
}

} // namespace

void defineNamespaces(Napi::Env env, Napi::Object exports) {
    exports.Set("netNamespaces", Napi::Function::New(env, netNamespacesPromise, "netNamespaces"));
    exports.Set("readInNamespaces", Napi::Function::New(env, readInNamespacesPromise, "readInNamespaces"));
}
