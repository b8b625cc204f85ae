// Runs blocking work on the libuv thread pool and settles a promise with its result on the event loop.
#pragma once

#include "kernel_error.h"

#include <functional>
#include <napi.h>
#include <string>

// A JavaScript Error; `errno` is positive, or 0 without an error of the kernel.
inline Napi::Error toJsError(Napi::Env env, const std::string &message, int error) {
    Napi::Error js_error = Napi::Error::New(env, message);
    js_error.Set("errno", Napi::Number::New(env, error));
    return js_error;
}

template <typename Result> class PromiseWorker : public Napi::AsyncWorker {
  public:
    using Work = std::function<Result()>;
    using Convert = std::function<Napi::Value(Napi::Env, Result &)>;

    // `owner` is kept alive until the work is done.
    static Napi::Promise run(Napi::Env env, Napi::Object owner, Work work, Convert convert) {
        auto *worker = new PromiseWorker(env, owner, std::move(work), std::move(convert));
        Napi::Promise promise = worker->deferred_.Promise();
        worker->Queue();
        return promise;
    }

  protected:
    void Execute() override {
        try {
            result_ = work_();
        } catch (const KernelError &error) {
            errno_ = error.error();
            SetError(error.what());
        } catch (const std::exception &error) {
            SetError(error.what());
        }
    }
    void OnOK() override {
        Napi::HandleScope scope(Env());
        deferred_.Resolve(convert_(Env(), result_));
    }
    void OnError(const Napi::Error &error) override {
        deferred_.Reject(toJsError(Env(), error.Message(), errno_).Value());
    }

  private:
    PromiseWorker(Napi::Env env, Napi::Object owner, Work work, Convert convert)
        : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)),
          owner_(Napi::Persistent(owner)), work_(std::move(work)), convert_(std::move(convert)) {}

    Napi::Promise::Deferred deferred_;
    Napi::ObjectReference owner_;
    Work work_;
    Convert convert_;
    Result result_{};
    int errno_ = 0;
};
