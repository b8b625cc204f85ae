/**
 * Serves `/metrics`, `/healthz` and `/readyz` over plain HTTP, for this machine's own tools. It takes no input beyond
 * the path, holds few connections, and shows neither credentials nor addresses other than those of apps.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { http } from '../../machine/node-http.js';
import { once } from 'node:events';
import { addressPort } from '../../report/model/address-port.js';
import { ProbeError } from '../errors.js';
import { appStates, liveness, readiness, type Health } from './health.js';
import type { ProbeMetrics } from './probe-metrics.js';
import type { Observed } from './observed.js';
import type { Ticks } from './ticks.js';

export interface SelfServerOptions {
  /** Port 0 asks the kernel for a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly observed: Observed;
  readonly ticks: Ticks;
  readonly publishIntervalMs: number;
  /** Called when a connection could not be taken, such as for want of memory or descriptors. */
  readonly onError?: (error: Error) => void;
}

export interface SelfServer {
  /** With the real port. */
  readonly url: URL;
  /** Idempotent. */
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 16;
const REQUEST_TIMEOUT_MS = 5000;

/** @throws ProbeError when the address can't be listened on */
export async function startSelfServer(options: SelfServerOptions): Promise<SelfServer> {
  let metrics: Promise<ProbeMetrics> | undefined;
  const metricsOnDemand = (): Promise<ProbeMetrics> => (metrics ??= loadMetrics(options));
  const server = http.createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    answer(request, response, metricsOnDemand, options).catch(() => {
      response.destroy();
    });
  });
  server.maxConnections = CONNECTIONS_MAX;
  const port = await bind(server, options.listen);
  server.on('error', (error) => options.onError?.(error));
  const { host } = options.listen;
  return {
    url: new URL(`http://${addressPort(host, port)}`),
    async close() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** At the first scrape: the library that writes them takes memory, and its clocks wake the process up all the time. */
async function loadMetrics({ observed, ticks }: SelfServerOptions): Promise<ProbeMetrics> {
  const { ProbeMetrics } = await import('./probe-metrics.js');
  return new ProbeMetrics(observed, ticks);
}

async function bind(server: Server, { host, port }: SelfServerOptions['listen']): Promise<number> {
  const where = addressPort(host, port);
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    const isInUse = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const reason = isInUse ? 'the address is in use' : (cause as Error).message;
    const code = isInUse ? 'METRICS_LISTEN_IN_USE' : 'METRICS_LISTEN_FAILED';
    throw new ProbeError(code, `cannot serve metrics on ${where}: ${reason}`, { cause });
  }
  // A probe that is asked to stop must not be kept alive by who watches it.
  server.unref();
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  metricsOnDemand: () => Promise<ProbeMetrics>,
  { ticks, publishIntervalMs, observed }: SelfServerOptions,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, 405, 'text/plain', 'only GET is answered\n');
    return;
  }
  const sendHealth = ({ isGood, status }: Health, more: object = {}): void => {
    send(response, isGood ? 200 : 503, 'application/json', `${JSON.stringify({ status, ...more })}\n`);
  };
  switch ((request.url ?? '').replace(/\?.*/s, '')) {
    case '/metrics': {
      const metrics = await metricsOnDemand();
      send(response, 200, metrics.contentType, await metrics.text());
      return;
    }
    case '/healthz':
      sendHealth(liveness(ticks, publishIntervalMs));
      return;
    case '/readyz':
      sendHealth(readiness(ticks, publishIntervalMs), {
        source: observed.sourceKind(),
        apps: appStates(observed.apps()),
      });
      return;
    default:
      send(response, 404, 'text/plain', 'there are /metrics, /healthz and /readyz\n');
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
