// Sets the functions of this process's memory on the addon's exports.
#pragma once

#include <napi.h>

void defineMemory(Napi::Env env, Napi::Object exports);
