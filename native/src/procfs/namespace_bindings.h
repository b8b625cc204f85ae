// Network namespaces as functions of the addon.
#pragma once

#include <napi.h>

// Adds netNamespaces and readInNamespaces to the addon's exports.
void defineNamespaces(Napi::Env env, Napi::Object exports);
