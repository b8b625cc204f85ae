/**
 * What an app can be told, and what it does when it is told nothing.
 */
import { hostname } from 'node:os';
import { pino, type Logger } from 'pino';
import type { AuthOptions } from './auth/credentials.js';
import type { PublicWithoutAuth } from './auth/exposure.js';

export interface AppLimits {
  /** Bytes of one report as sent. */
  readonly compressedBytes: number;
  /** Bytes of one report after decompression. */
  readonly decompressedBytes: number;
  /** Bytes of reports that wait to be taken in, together; more are refused with 503. */
  readonly inFlightBytes: number;
  /** Nodes in one report. */
  readonly reportNodes: number;
  /** Distinct facts (a node as one probe tells it) in the whole window; more are refused with 503. */
  readonly windowParts: number;
  /** Probes at once; further ones are refused with 503. */
  readonly probes: number;
}

export interface AppOptions {
  /** How long a report counts, in milliseconds. */
  readonly windowMs?: number;
  readonly limits?: Partial<AppLimits>;
  /** Folder of the built page; without it `/` says that there is none. */
  readonly webRoot?: string;
  readonly auth?: AuthOptions;
  /** PEM texts; with `ca`, clients must show a certificate that it signed. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** What to do when others can reach the address and no authentication is configured; `warn` unless told. */
  readonly publicWithoutAuth?: PublicWithoutAuth;
  /** Names the app answers to besides addresses and `localhost`; any when absent. */
  readonly allowedHosts?: readonly string[];
  readonly log?: Logger;
  readonly version?: string;
  /** Name of this machine as `/api` tells it. */
  readonly hostname?: string;
  /** Milliseconds since 1970; tests bring their own. */
  readonly clock?: () => number;
}

export interface AppSettings {
  readonly windowMs: number;
  readonly limits: AppLimits;
  readonly webRoot: string | undefined;
  readonly auth: AuthOptions;
  readonly tls: { readonly cert: string; readonly key: string; readonly ca?: string } | undefined;
  readonly publicWithoutAuth: PublicWithoutAuth;
  readonly allowedHosts: readonly string[];
  readonly log: Logger;
  readonly version: string;
  readonly hostname: string;
  readonly clock: () => number;
}

const MEBIBYTE = 1024 * 1024;

export const DEFAULT_LIMITS: AppLimits = {
  compressedBytes: 16 * MEBIBYTE,
  decompressedBytes: 64 * MEBIBYTE,
  inFlightBytes: 256 * MEBIBYTE,
  reportNodes: 200_000,
  windowParts: 1_000_000,
  probes: 5_000,
};

export function settingsFrom(options: AppOptions): AppSettings {
  return {
    windowMs: options.windowMs ?? 15_000,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    webRoot: options.webRoot,
    auth: options.auth ?? {},
    tls: options.tls,
    publicWithoutAuth: options.publicWithoutAuth ?? 'warn',
    allowedHosts: (options.allowedHosts ?? []).map((name) => name.toLowerCase()),
    log: options.log ?? pino({ enabled: false }),
    version: options.version ?? '0.0.0',
    hostname: options.hostname ?? hostname(),
    clock: options.clock ?? Date.now,
  };
}
