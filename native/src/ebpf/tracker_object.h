// The JavaScript object around a Tracker: confirmHolders(), tellHolders(), snapshot(), counters(),
// refusals(), close().
#pragma once

#include "tracker.h"

#include <memory>
#include <napi.h>

class TrackerObject : public Napi::ObjectWrap<TrackerObject> {
  public:
    static Napi::Function define(Napi::Env env);
    // loadTracker(options): Promise<TrackerObject>; the options are all there, see lib/index.js
    static Napi::Value load(const Napi::CallbackInfo &info);

    explicit TrackerObject(const Napi::CallbackInfo &info);

  private:
    Napi::Value confirmHolders(const Napi::CallbackInfo &info);
    Napi::Value tellHolders(const Napi::CallbackInfo &info);
    Napi::Value snapshot(const Napi::CallbackInfo &info);
    Napi::Value counters(const Napi::CallbackInfo &info);
    Napi::Value refusals(const Napi::CallbackInfo &info);
    Napi::Value pidNamespace(const Napi::CallbackInfo &info);
    Napi::Value close(const Napi::CallbackInfo &info);

    std::shared_ptr<Tracker> tracker_;
};
