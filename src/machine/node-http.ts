/**
 * Node's HTTP modules for a program in which memory counts. An ESM import of `node:http` evaluates all its exports. Some
 * load Node's fetch, WebSocket and what is behind them: 5 MiB that a probe has no use for.
 */
export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');
