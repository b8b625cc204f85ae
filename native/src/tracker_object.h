// The JavaScript object around a Tracker: confirmHolders(), tellHolders(), snapshot(), counters(), close().
#pragma once

#include "tracker.h"

#include <memory>
#include <napi.h>

class TrackerObject : public Napi::ObjectWrap<TrackerObject> {
  public:
    static Napi::Function define(Napi::Env env);
    // loadTracker({ringBytes, maxConnections, maxConnectionsPerNetns}): Promise<TrackerObject>
    static Napi::Value load(const Napi::CallbackInfo &info);

    explicit TrackerObject(const Napi::CallbackInfo &info);

  private:
    Napi::Value confirmHolders(const Napi::CallbackInfo &info);
    Napi::Value tellHolders(const Napi::CallbackInfo &info);
    Napi::Value snapshot(const Napi::CallbackInfo &info);
    Napi::Value counters(const Napi::CallbackInfo &info);
    Napi::Value close(const Napi::CallbackInfo &info);

    std::shared_ptr<Tracker> tracker_;
};
