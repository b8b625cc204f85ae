/**
 * For `node --import`: brings errors that nobody listens to into a running program, at the first use of a datagram socket and
 * at the first answer to GET /api/probes.
 */
import dgram from 'node:dgram';
import { ServerResponse } from 'node:http';

let hasFailed = false;
const connect = Reflect.get(dgram.Socket.prototype, 'connect') as (...args: unknown[]) => unknown;
dgram.Socket.prototype.connect = function (this: dgram.Socket, ...args: unknown[]) {
  if (!hasFailed)
    setImmediate(() => {
      throw new Error('injected into a look-up');
    });
  hasFailed = true;
  Reflect.apply(connect, this, args);
};

const writeHead = Reflect.get(ServerResponse.prototype, 'writeHead') as (
  ...args: unknown[]
) => ServerResponse;
ServerResponse.prototype.writeHead = function (this: ServerResponse, ...args: unknown[]) {
  if (this.req.url === '/api/probes?fail')
    setImmediate(() => {
      throw new Error('injected into a request');
    });
  return Reflect.apply(writeHead, this, args);
} as typeof ServerResponse.prototype.writeHead;
