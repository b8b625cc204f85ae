// Memory settings of this process as functions of the addon.
#pragma once

#include <napi.h>

void defineMemory(Napi::Env env, Napi::Object exports);
