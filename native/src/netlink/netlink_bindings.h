// Netlink sockets as functions of the addon.
#pragma once

#include <napi.h>

// Adds openNetlink, sendNetlink, receiveNetlink, closeNetlink and readyNetlink to the addon's exports.
void defineNetlink(Napi::Env env, Napi::Object exports);
