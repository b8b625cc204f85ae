/** A real HTTP proxy that records what it is asked for: whole requests, and tunnels by CONNECT. */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface RecordingProxy {
  readonly port: number;
  /** `http://host:port/path` of requests, `host:port` of tunnels. */
  readonly asked: readonly string[];
  readonly authorizations: readonly (string | undefined)[];
}

/** Everything goes to 127.0.0.1, whatever its name, at the port that was asked for. Ended with the test. */
export async function startProxy(t: TestContext, host = '127.0.0.1'): Promise<RecordingProxy> {
  const asked: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const record = ({ url = '', headers }: IncomingMessage): string => {
    asked.push(url);
    authorizations.push(headers['proxy-authorization']);
    return url;
  };
  const server = createServer((incoming, outgoing) => {
    const { port, pathname } = new URL(record(incoming));
    const { method, headers } = incoming;
    const onward = request({ host: '127.0.0.1', port, path: pathname, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.on('connection', (socket) => sockets.add(socket));
  server.on('connect', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
    const [, port] = /:(\d+)$/.exec(record(incoming)) ?? [];
    const onward = connect(Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    sockets.add(onward);
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const)
      one.on('error', () => other.destroy());
  });
  server.listen(0, host);
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked, authorizations };
}
