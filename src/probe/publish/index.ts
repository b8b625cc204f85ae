/** Ships reports to apps: several at once, retried, merged while an app is away. */
import type { Logger } from 'pino';
import { DEFAULT_BACKOFF, type BackoffLimits } from './backoff.js';
import type { ReportBounds } from './coarsen.js';
import { createCredentials, type CredentialOptions } from './credentials.js';
import { PublishError } from './errors.js';
import { DEFAULT_BOUNDS } from './pending-report.js';
import { ReportPublisher, systemLookup, type Publisher } from './publisher.js';
import type { HostLookup } from './target.js';
import { createTlsMaterial, type TlsOptions } from './tls-material.js';

export { PublishError, type PublishErrorCode } from './errors.js';
export type { AppStatus, Publisher } from './publisher.js';
export type { LinkState } from './app-link.js';
export type { CredentialOptions } from './credentials.js';
export type { TlsOptions } from './tls-material.js';

export interface PublisherOptions extends CredentialOptions, TlsOptions {
  /** Apps by URL: scheme, host and port. User and password in one are for that app alone. */
  readonly targets: readonly URL[];
  /** Random hex text, the same for the life of the probe. */
  readonly probeId: string;
  readonly version: string;
  /** Milliseconds between two reports, which apps are told. Default: they are not. */
  readonly intervalMs?: number;
  readonly log: Logger;
  /** Of the report that waits for an app. */
  readonly bounds?: Partial<ReportBounds>;
  readonly backoff?: Partial<BackoffLimits>;
  /** How long an app's identity is believed before it is asked again. Default: 10 s. */
  readonly identityMs?: number;
  /**
   * How often an app gets a whole report; between two of them it gets what changed. Well below the apps' window, or
   * what does not change disappears there. Default: 0, every report is whole.
   */
  readonly wholeEveryMs?: number;
  /** How often host names are looked up. Default: 10 s. */
  readonly lookupIntervalMs?: number;
  /** Default: the system's. */
  readonly lookup?: HostLookup;
  /** For an app to take a report. Default: 20 s. */
  readonly sendTimeoutMs?: number;
  /** Whether a proxy of the environment is used for this machine and link-local addresses, too. Default: false. */
  readonly proxyLocal?: boolean;
  /** How long closing tries to deliver what waits. Default: 1.5 s. */
  readonly closeGraceMs?: number;
}

const DEFAULT_MS = { identity: 10_000, lookupInterval: 10_000, ask: 5000, send: 20_000, closeGrace: 1500 };

/** @throws PublishError when there is no target, or a file of credentials or certificates is of no use */
export function createPublisher(options: PublisherOptions): Publisher {
  if (options.targets.length === 0) throw new PublishError('NO_TARGET', 'cannot publish to nowhere');
  const unique = new Map(options.targets.map((target) => [target.href, target]));
  return new ReportPublisher({
    targets: [...unique.values()],
    client: {
      probeId: options.probeId,
      version: options.version,
      ...(options.intervalMs !== undefined && { intervalMs: options.intervalMs }),
      credentials: createCredentials(options),
      tls: createTlsMaterial(options),
      proxyLocal: options.proxyLocal ?? false,
      askTimeoutMs: DEFAULT_MS.ask,
      sendTimeoutMs: options.sendTimeoutMs ?? DEFAULT_MS.send,
    },
    bounds: { ...DEFAULT_BOUNDS, ...options.bounds },
    backoff: { ...DEFAULT_BACKOFF, ...options.backoff },
    identityMs: options.identityMs ?? DEFAULT_MS.identity,
    wholeEveryMs: options.wholeEveryMs ?? 0,
    lookup: options.lookup ?? systemLookup,
    lookupIntervalMs: options.lookupIntervalMs ?? DEFAULT_MS.lookupInterval,
    closeGraceMs: options.closeGraceMs ?? DEFAULT_MS.closeGrace,
    log: options.log,
  });
}
