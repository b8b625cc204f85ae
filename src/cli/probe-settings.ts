/** From the command line's options to a probe's settings. */
import type { Logger } from 'pino';
import type { ObserveSettings, ProbeSettings, Surroundings } from '../probe/index.js';
import { thisHostName } from './host-name.js';
import type { Program } from './program.js';
import { VERSION } from './installation.js';
import { boundsOf } from './options/bound-options.js';
import { argumentsPolicy } from './options/detail-options.js';
import { TOKEN_VARIABLE, type MetricsOptions, type ShipOptions } from './options/publish-options.js';
import { rungOf } from './options/rung-option.js';
import type { ObserveOptions } from './options/shared-options.js';

export interface ProbeOptions extends ObserveOptions, MetricsOptions {
  /** Milliseconds. */
  readonly publishInterval: number;
  /** Nobody chose the metrics' address. Default: false. */
  readonly isMetricsDefault?: boolean;
  /** Without it: no credentials, the built-in authorities. */
  readonly ship?: ShipOptions;
}

export function observeSettings(options: ObserveOptions, log: Logger): ObserveSettings {
  const { dns, dnsServer, dnsRate, dnsConcurrency, dnsCache } = options;
  return {
    hostName: options.hostname ?? thisHostName(log),
    version: VERSION,
    procRoot: options.procRoot,
    source: options.source,
    rung: rungOf(options),
    bounds: boundsOf(options),
    sweepIntervalMs: options.sweepInterval,
    maxFlows: options.maxFlows,
    maxProcesses: options.maxProcesses,
    arguments: argumentsPolicy(options),
    dns: {
      lookups: dns === 'on' ? 'on' : 'off',
      servers: dnsServer,
      ratePerSecond: dnsRate,
      concurrency: dnsConcurrency,
      cacheMax: dnsCache,
    },
  };
}

export function probeSettings(targets: readonly URL[], options: ProbeOptions, log: Logger): ProbeSettings {
  return {
    ...observeSettings(options, log),
    targets,
    publishIntervalMs: options.publishInterval,
    publish: options.ship === undefined ? {} : publishSettings(options.ship),
    metrics: options.metricsListen,
    isMetricsDefault: options.isMetricsDefault === true,
  };
}

/** What the probe needs of the program. */
export function surroundingsOf(program: Program): Surroundings {
  return {
    log: program.log,
    counters: () => program.counters(),
    troubles: () => program.troubles(),
    supervise: (part, start) => program.supervisor.run(part, start),
  };
}

function publishSettings(ship: ShipOptions): ProbeSettings['publish'] {
  const token = process.env[TOKEN_VARIABLE];
  return {
    ...(ship.tokenFile !== undefined && { tokenFile: ship.tokenFile }),
    ...(ship.basicAuthFile !== undefined && { basicFile: ship.basicAuthFile }),
    ...(token !== undefined && token !== '' && { token }),
    ...(ship.tlsCa !== undefined && { caFile: ship.tlsCa }),
    ...(ship.tlsCert !== undefined && { certFile: ship.tlsCert }),
    ...(ship.tlsKey !== undefined && { keyFile: ship.tlsKey }),
    proxyLocal: ship.proxyLocal,
  };
}
