// The JavaScript object around a Tracker: sweepAdopt(), sweepHolders(), snapshot(), counters(),
// refusals(), close().
#pragma once

#include "tracker.h"

#include <memory>
#include <napi.h>

class TrackerObject : public Napi::ObjectWrap<TrackerObject> {
  public:
    static Napi::Function define(Napi::Env env);
    // loadTracker(options): Promise<TrackerObject>; lib/ebpf/index.js fills in all options
    static Napi::Value load(const Napi::CallbackInfo &info);

    explicit TrackerObject(const Napi::CallbackInfo &info);

  private:
    Napi::Value sweepAdopt(const Napi::CallbackInfo &info);
    Napi::Value sweepHolders(const Napi::CallbackInfo &info);
    Napi::Value snapshot(const Napi::CallbackInfo &info);
    Napi::Value counters(const Napi::CallbackInfo &info);
    Napi::Value refusals(const Napi::CallbackInfo &info);
    Napi::Value pidNamespace(const Napi::CallbackInfo &info);
    Napi::Value close(const Napi::CallbackInfo &info);

    std::shared_ptr<Tracker> tracker_;
};
