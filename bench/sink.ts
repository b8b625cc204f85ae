/** An app that answers probes and throws their reports away, so that only the probe is measured. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface Sink {
  readonly url: string;
  close(): Promise<void>;
}

/** As the app has it: the probe's connection does not end between two reports. */
const KEEP_ALIVE_MS = 72_000;

/** @param onBody is given each report as it came; without it they are not even put together */
export async function startSink(onBody?: (body: Buffer) => void): Promise<Sink> {
  const server = createServer((request, response) => {
    const answer = (): void => {
      response.setHeader('content-type', 'application/json');
      response.end(request.url === '/api' ? '{"id":"sink","version":"0","hostname":"sink"}' : '');
    };
    if (onBody === undefined || request.method !== 'POST') {
      request.resume().on('end', answer);
      return;
    }
    buffer(request).then(
      (body) => {
        answer();
        onBody(body);
      },
      () => response.destroy(),
    );
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the sink does not listen on TCP');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
