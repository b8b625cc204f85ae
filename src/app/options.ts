/**
 * What an app can be told, and what it does when it is told nothing.
 */
import { pino, type Logger } from 'pino';
import type { AuthOptions } from './auth/credentials.js';
import type { PublicWithoutAuth } from './auth/exposure.js';
import { DEFAULT_LIMITS, type AppLimits } from './limits.js';

export type ViewFreshness = 'prompt' | 'newest';

export interface AppOptions {
  /** How long a report counts, in milliseconds. */
  readonly windowMs?: number;
  readonly limits?: Partial<AppLimits>;
  /** Folder of the built page; without it `/` says that there is none. */
  readonly webRoot?: string;
  readonly auth?: AuthOptions;
  /** PEM texts; with `ca`, clients must show a certificate that it signed. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** What to do when others can reach the address and no authentication is configured; `refuse` unless told. */
  readonly publicWithoutAuth?: PublicWithoutAuth;
  /**
   * What a request gets while a view is being made anew: `prompt`, the last one made, which is at most a few hundred
   * milliseconds old; `newest`, the new one when it is ready. `prompt` unless told.
   */
  readonly views?: ViewFreshness;
  /**
   * Names the app answers to besides addresses and this machine's names. When absent: any where there is authentication,
   * no others where there is none.
   */
  readonly allowedHosts?: readonly string[] | 'any';
  /** Origins such as `https://fleet.example` whose pages may ask, besides those of the name the app is asked for by. */
  readonly allowedOrigins?: readonly string[];
  readonly log?: Logger;
  readonly version?: string;
  /** Name of this machine as `/api` tells it. Default: none. */
  readonly hostname?: string;
  /** Milliseconds since 1970; tests bring their own. */
  readonly clock?: () => number;
  /** Monotonic counters of the program around the app, for its metrics. Default: none. */
  readonly counters?: () => Readonly<Record<string, number>>;
  /** Runs `serve` so that an error which nobody handles, in whatever it begins, calls `end`. Default: it just runs. */
  readonly superviseRequest?: SuperviseRequest;
}

export type SuperviseRequest = (end: () => void, serve: () => void) => void;

export interface AppSettings {
  readonly windowMs: number;
  readonly limits: AppLimits;
  readonly webRoot: string | undefined;
  readonly auth: AuthOptions;
  readonly tls: { readonly cert: string; readonly key: string; readonly ca?: string } | undefined;
  readonly publicWithoutAuth: PublicWithoutAuth;
  readonly views: ViewFreshness;
  readonly allowedHosts: readonly string[] | 'any';
  readonly allowedOrigins: readonly string[];
  readonly log: Logger;
  readonly version: string;
  readonly hostname: string;
  readonly clock: () => number;
  readonly counters: () => Readonly<Record<string, number>>;
  readonly superviseRequest: SuperviseRequest;
}

export function settingsFrom(options: AppOptions): AppSettings {
  return {
    windowMs: options.windowMs ?? 15_000,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    webRoot: options.webRoot,
    auth: options.auth ?? {},
    tls: options.tls,
    publicWithoutAuth: options.publicWithoutAuth ?? 'refuse',
    views: options.views ?? 'prompt',
    allowedHosts: options.allowedHosts ?? [],
    allowedOrigins: (options.allowedOrigins ?? []).map((origin) => new URL(origin).origin),
    log: options.log ?? pino({ enabled: false }),
    version: options.version ?? '0.0.0',
    hostname: options.hostname ?? '',
    clock: options.clock ?? Date.now,
    counters: options.counters ?? (() => ({})),
    superviseRequest:
      options.superviseRequest ??
      ((_end, serve) => {
        serve();
      }),
  };
}
