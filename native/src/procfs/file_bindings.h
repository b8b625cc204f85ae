// JavaScript's readFiles() and countEntries().
#pragma once

#include <napi.h>

void defineFiles(Napi::Env env, Napi::Object exports);
