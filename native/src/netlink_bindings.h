// Netlink sockets and network namespaces as functions of the addon.
#pragma once

#include <napi.h>

// Adds openNetlink, sendNetlink, receiveNetlink, closeNetlink, readyNetlink and netNamespaces to the addon's
// exports.
void defineNetlink(Napi::Env env, Napi::Object exports);
