/** What can be chosen of a probe; whoever runs it reads this from its command line. */
import type { ArgumentsPolicy } from './processes/index.js';
import type { CredentialOptions, TlsOptions } from './publish/index.js';
import type { Rung } from './records/coverage.js';
import type { SourceBounds, SourceChoice } from './open-connections.js';

/** What is watched, and how. */
export interface ObserveSettings {
  readonly hostName: string;
  readonly version: string;
  readonly procRoot: string;
  readonly source: SourceChoice;
  readonly rung?: Rung | undefined;
  readonly bounds: SourceBounds;
  readonly sweepIntervalMs: number;
  readonly maxFlows: number;
  readonly maxProcesses: number;
  /** What of processes' arguments may leave the machine. */
  readonly arguments: ArgumentsPolicy;
  readonly dns: DnsSettings;
}

export interface DnsSettings {
  readonly lookups: 'on' | 'off';
  /** Texts that `parseServers` takes. Default: the system's servers. */
  readonly servers?: readonly string[] | undefined;
  readonly ratePerSecond: number;
  readonly concurrency: number;
  readonly cacheMax: number;
}

export interface ProbeSettings extends ObserveSettings {
  readonly targets: readonly URL[];
  readonly publishIntervalMs: number;
  readonly publish: CredentialOptions & TlsOptions & { readonly proxyLocal?: boolean };
  /** Where metrics and health are served. */
  readonly metrics: { readonly host: string; readonly port: number } | 'off';
  /** Nobody chose the metrics' address: when it is taken, the probe goes without. */
  readonly isMetricsDefault: boolean;
}
