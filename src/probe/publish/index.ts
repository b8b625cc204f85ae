/** Delivers a probe's states to apps: to several at once, retried, with nothing kept for an app that is away. */
import type { Logger } from 'pino';
import type { StatedSource } from '../../flows/stated.js';
import { DEFAULT_BACKOFF, type BackoffLimits } from './backoff.js';
import { createCredentials, type CredentialOptions } from './credentials.js';
import { ProbeError } from '../errors.js';
import { StatePublisher, systemLookup, type Publisher } from './publisher.js';
import type { HostLookup } from './target.js';
import { createTlsMaterial, type TlsOptions } from './tls-material.js';

export type { AppStatus, Publisher } from './publisher.js';
export type { LinkState } from './app-link.js';
export type { CredentialOptions } from './credentials.js';
export type { TlsOptions } from './tls-material.js';

export interface PublisherOptions extends CredentialOptions, TlsOptions {
  /** What is delivered; its statements are of the probe `probeId`. One source serves any number of apps. */
  readonly source: StatedSource;
  /** Apps by URL: scheme, host and port. User and password in one are for that app alone. */
  readonly targets: readonly URL[];
  /** Random hex text, the same for the life of the probe. */
  readonly probeId: string;
  readonly version: string;
  /** Milliseconds between two states, which apps are told. Default: they are not. */
  readonly intervalMs?: number;
  readonly log: Logger;
  readonly backoff?: Partial<BackoffLimits>;
  /** How long an app's identity is believed before it is asked again. Default: 10 s. */
  readonly identityMs?: number;
  /** How often host names are looked up. Default: 10 s. */
  readonly lookupIntervalMs?: number;
  /** Default: the system's. */
  readonly lookup?: HostLookup;
  /** For an app to take a statement or a report. Default: 20 s. */
  readonly sendTimeoutMs?: number;
  /** Whether a proxy of the environment is used for this machine and link-local addresses, too. Default: false. */
  readonly proxyLocal?: boolean;
  /** How long closing tries to deliver what is due. Default: 1.5 s. */
  readonly closeGraceMs?: number;
}

const DEFAULT_MS = { identity: 10_000, lookupInterval: 10_000, ask: 5000, send: 20_000, closeGrace: 1500 };

/**
 * Begins to deliver what `source` states, to all targets; `notify()` after each new state.
 *
 * An app whose `GET /api` names `capabilities.flows: 1` gets statements at `/api/flows`, each since the last one that it
 * confirmed, the first one whole; any other gets reports in Scope's form at `/api/report`, each about the time since the
 * last one. `statementSince` and `reportSince` are called when a link is ready to send, which may be at any time after
 * `notify()` and once for each app that has something else: they must be cheap where little changed, and must not throw.
 *
 * @throws ProbeError when there is no target, or a file of credentials or certificates is of no use
 */
export function createPublisher(options: PublisherOptions): Publisher {
  if (options.targets.length === 0) throw new ProbeError('NO_TARGET', 'cannot publish to nowhere');
  const unique = new Map(options.targets.map((target) => [target.href, target]));
  return new StatePublisher({
    source: options.source,
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
    backoff: { ...DEFAULT_BACKOFF, ...options.backoff },
    identityMs: options.identityMs ?? DEFAULT_MS.identity,
    lookup: options.lookup ?? systemLookup,
    lookupIntervalMs: options.lookupIntervalMs ?? DEFAULT_MS.lookupInterval,
    closeGraceMs: options.closeGraceMs ?? DEFAULT_MS.closeGrace,
    log: options.log,
  });
}
