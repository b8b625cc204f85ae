/** Composes the app and makes it listen, for the commands that run one: `app` and `up`. */
import { join } from 'node:path';
import type { Logger } from 'pino';
import { createApp, type AppOptions } from '../app/index.js';
import { thisHostName } from './host-name.js';
import type { ListenAddress } from './option-values.js';
import { PROJECT_ROOT } from './project-root.js';
import { VERSION } from './version.js';

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
  log: Logger,
  options: AppOptions = {},
): Promise<RunningApp> {
  const app = await createApp({
    hostname: options.hostname ?? thisHostName(log),
    webRoot: join(PROJECT_ROOT, 'build/web'),
    ...options,
    windowMs,
    version: VERSION,
    log,
  });
  try {
    const bound = await app.listen({ host: listen.host, port: listen.port });
    return { url: reachable(bound), close: () => app.close() };
  } catch (error) {
    await app.close();
    throw error;
  }
}

function reachable(bound: URL): URL {
  const url = new URL(bound);
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1';
  if (url.hostname === '[::]') url.hostname = '[::1]';
  return url;
}
