/**
 * Stands between a probe and a real app, hands everything on, and keeps the statements that the app took. What the app was
 * sent but never answered is not kept: the probe sends it again.
 */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { Statement } from '../../src/flows/statement.js';
import { decodeStatement } from '../../src/flows/wire/index.js';

export interface CountingRelay {
  readonly url: string;
  /** Taken by the app, in order. */
  readonly statements: readonly Statement[];
}

export async function startRelay(t: TestContext, app: URL): Promise<CountingRelay> {
  const statements: Statement[] = [];
  const handOn = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body: Buffer[] = [];
    for await (const chunk of incoming) body.push(chunk as Buffer);
    const { method, headers, url: path } = incoming;
    const onward = request({ host: app.hostname, port: app.port, method, path, headers, agent: false });
    onward.end(Buffer.concat(body));
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    const said: Buffer[] = [];
    for await (const chunk of answer) said.push(chunk as Buffer);
    if (method === 'POST' && answer.statusCode === 200)
      statements.push(decodeStatement(gunzipSync(Buffer.concat(body))));
    outgoing.writeHead(answer.statusCode ?? 502, {
      'content-type': answer.headers['content-type'] ?? 'text/plain',
    });
    outgoing.end(Buffer.concat(said));
  };
  const server = createServer((incoming, outgoing) => {
    // The app is away: so is the relay.
    handOn(incoming, outgoing).catch(() => outgoing.destroy());
  }).listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, statements };
}
