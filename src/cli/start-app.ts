/** Composes the app and makes it listen, for the commands that run one: `app` and `up`. */
import { join } from 'node:path';
import { createApp, type App, type AppOptions } from '../app/index.js';
import { thisHostName } from './host-name.js';
import type { ListenAddress } from './options/option-values.js';
import type { Program } from './program.js';
import { PROJECT_ROOT, VERSION } from './installation.js';

export interface RunningApp {
  /** Where this machine reaches it: a wildcard address is shown as loopback. */
  readonly url: URL;
  close(): Promise<void>;
}

/**
 * @param options what the command was told beyond address and window
 * @throws AppError when the address can't be listened on, or must not be
 */
export async function startApp(
  listen: ListenAddress,
  windowMs: number,
  program: Program,
  options: AppOptions = {},
): Promise<RunningApp> {
  const { log, supervisor } = program;
  const settings: AppOptions = {
    hostname: options.hostname ?? thisHostName(log),
    webRoot: join(PROJECT_ROOT, 'build/web'),
    ...options,
    windowMs,
    version: VERSION,
    log,
    counters: () => program.counters(),
    superviseRequest: (end, serve) => {
      supervisor.runBriefly({ name: 'request', restart: end }, serve);
    },
  };
  const open = async (address: ListenAddress): Promise<{ readonly app: App; readonly bound: URL }> => {
    const app = await createApp(settings);
    try {
      return { app, bound: await app.listen({ host: address.host, port: address.port }) };
    } catch (error) {
      await app.close();
      throw error;
    }
  };
  let isClosed = false;
  let current: App | undefined;
  let port = listen.port;
  // A new app has an empty window, and another id: probes send whole reports at once.
  const restart = async (): Promise<void> => {
    const before = current;
    current = undefined;
    await before?.close();
    if (!isClosed) ({ app: current } = await open({ ...listen, port }));
  };
  const { app, bound } = await supervisor.run({ name: 'app', restart }, () => open(listen));
  current = app;
  port = Number(bound.port);
  const close = async (): Promise<void> => {
    isClosed = true;
    await current?.close();
  };
  return { url: reachable(bound), close };
}

function reachable(bound: URL): URL {
  const url = new URL(bound);
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1';
  if (url.hostname === '[::]') url.hostname = '[::1]';
  return url;
}
