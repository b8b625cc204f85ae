#include "file_bindings.h"

#include "file_batch.h"
#include "promise_worker.h"

#include <algorithm>

namespace {

// Separated by NUL: no path contains one.
std::vector<std::string> pathsIn(Napi::Value value) {
    std::string joined = value.As<Napi::String>().Utf8Value();
    std::vector<std::string> paths;
    for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
        end = joined.find('\0', begin);
        paths.push_back(joined.substr(begin, end - begin));
    }
    return paths;
}

Napi::Value int32Array(Napi::Env env, const std::vector<int32_t> &values) {
    auto array = Napi::Int32Array::New(env, values.size());
    std::copy(values.begin(), values.end(), array.Data());
    return array;
}

Napi::Value readFilesPromise(const Napi::CallbackInfo &info) {
    std::vector<std::string> paths = pathsIn(info[0]);
    size_t max_bytes = info[1].As<Napi::Number>().Uint32Value();
    return PromiseWorker<FileBatch>::run(
        info.Env(), Napi::Object::New(info.Env()),
        [paths = std::move(paths), max_bytes] { return readFiles(paths, max_bytes); },
        [](Napi::Env env, FileBatch &batch) -> Napi::Value {
            auto data = Napi::ArrayBuffer::New(env, batch.data.size());
            std::copy(batch.data.begin(), batch.data.end(), static_cast<char *>(data.Data()));
            Napi::Object result = Napi::Object::New(env);
            result.Set("data", data);
            result.Set("lengths", int32Array(env, batch.lengths));
            return result;
        });
}

Napi::Value countEntriesPromise(const Napi::CallbackInfo &info) {
    std::vector<std::string> folders = pathsIn(info[0]);
    bool size_is_count = info[1].As<Napi::Boolean>().Value();
    return PromiseWorker<std::vector<int32_t>>::run(
        info.Env(), Napi::Object::New(info.Env()),
        [folders = std::move(folders), size_is_count] { return countEntries(folders, size_is_count); },
        [](Napi::Env env, std::vector<int32_t> &counts) { return int32Array(env, counts); });
}

} // namespace

void defineFiles(Napi::Env env, Napi::Object exports) {
    exports.Set("readFiles", Napi::Function::New(env, readFilesPromise, "readFiles"));
    exports.Set("countEntries", Napi::Function::New(env, countEntriesPromise, "countEntries"));
}
