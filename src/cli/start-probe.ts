/** Composes a probe out of its parts, for the commands that run one: `probe` and `up`. */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { Batcher } from '../probe/batch/batcher.js';
import { openSource, type OpenedSource } from '../probe/open-connections.js';
import { Probe } from '../probe/probe.js';
import {
  createPublisher,
  type CredentialOptions,
  type Publisher,
  type TlsOptions,
} from '../probe/publish/index.js';
import { Ticks } from '../probe/self/index.js';
import { boundsOf } from './options/bound-options.js';
import { rungOf } from './options/rung-option.js';
import type { Program } from './program.js';
import { sourceText } from './source-text.js';
import { observersFor } from './observers.js';
import { TOKEN_VARIABLE, type MetricsOptions, type ShipOptions } from './options/publish-options.js';
import type { ObserveOptions } from './options/shared-options.js';
import { VERSION } from './version.js';
import { RenewableMetrics } from './renewable-metrics.js';
import { EndpointCounts } from './watched-parts.js';

const PROBE_ID_BYTES = 8;

export interface RunningProbe {
  readonly sourceKind: string;
  stop(): Promise<void>;
}

export interface StartProbeOptions extends ObserveOptions, MetricsOptions {
  /** Milliseconds. */
  readonly publishInterval: number;
  /** Nobody chose the metrics' address: when it is taken, the probe goes without. Default: false. */
  readonly isMetricsDefault?: boolean;
  /** Without it: no credentials, the built-in authorities. */
  readonly ship?: ShipOptions;
}

/** Opens the source, starts the ticks. @throws what the source, the reporters, the publisher or the metrics refuse */
export async function startProbe(
  targets: readonly URL[],
  options: StartProbeOptions,
  program: Program,
): Promise<RunningProbe> {
  const { log, supervisor } = program;
  const probeId = randomBytes(PROBE_ID_BYTES).toString('hex');
  const { publishInterval: publishIntervalMs, ship } = options;
  // What is open, in the order of closing; each is there as soon as it is open, so that nothing is left after a failure.
  const closing: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closing) await close();
  };
  try {
    const publisher: Publisher = supervisor.run(
      {
        name: 'publish',
        restart: () => {
          publisher.renew();
        },
      },
      () =>
        createPublisher({
          targets,
          probeId,
          version: VERSION,
          intervalMs: publishIntervalMs,
          log,
          ...(ship && {
            ...secretsOf(ship),
            bounds: { maxNodes: ship.maxPendingNodes },
            wholeEveryMs: ship.wholeReportEvery,
            proxyLocal: ship.proxyLocal,
          }),
        }),
    );
    closing.unshift(() => publisher.close());
    const opened: OpenedSource = await supervisor.run(
      {
        name: 'source',
        restart: () => opened.source.distrust?.('an error that nobody handled came from it'),
      },
      () =>
        openSource(options.source, {
          procRoot: options.procRoot,
          bounds: boundsOf(options),
          sweepIntervalMs: options.sweepInterval,
          rung: rungOf(options),
          warn: (message) => {
            log.warn(message);
          },
        }),
    );
    closing.unshift(() => opened.source.close());
    sayHowItStarted(opened, options.procRoot, log);
    const observers = observersFor(options, probeId, program, opened.namespaces);
    closing.unshift(() => observers.close());
    const feed = new Batcher(opened.source);
    const ticks = new Ticks();
    const endpoints = new EndpointCounts();
    const watched = { feed, observers, publisher, ticks, endpoints, publishIntervalMs, program };
    const isMetricsDefault = options.isMetricsDefault === true;
    const self = await RenewableMetrics.start(options.metricsListen, isMetricsDefault, watched);
    closing.push(() => self.close());
    const probe: Probe = new Probe({
      ...observers,
      onEndpoints: (stats) => {
        endpoints.add(stats);
      },
      feed,
      ticks,
      publishIntervalMs,
      publish: (report) => {
        publisher.publish(report);
      },
    });
    closing.unshift(() => probe.stop());
    supervisor.run(
      {
        name: 'ticks',
        restart: () => {
          probe.resume();
        },
      },
      () => {
        probe.start();
      },
    );
    log.info(`watching connections by ${sourceText(opened.source)} as host ${observers.hostName}`);
    return { sourceKind: opened.source.kind, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function secretsOf(ship: ShipOptions): CredentialOptions & TlsOptions {
  const token = process.env[TOKEN_VARIABLE];
  return {
    ...(ship.tokenFile !== undefined && { tokenFile: ship.tokenFile }),
    ...(ship.basicAuthFile !== undefined && { basicFile: ship.basicAuthFile }),
    ...(token !== undefined && token !== '' && { token }),
    ...(ship.tlsCa !== undefined && { caFile: ship.tlsCa }),
    ...(ship.tlsCert !== undefined && { certFile: ship.tlsCert }),
    ...(ship.tlsKey !== undefined && { keyFile: ship.tlsKey }),
  };
}

function sayHowItStarted(
  { fallbackReason, seeded, conntrackRefusal }: OpenedSource,
  procRoot: string,
  log: Logger,
): void {
  if (fallbackReason !== undefined) {
    log.warn(`eBPF is not available, so connections are read from ${procRoot}: ${fallbackReason}`);
  }
  seeded.catch((error: unknown) => {
    log.warn(
      { err: error },
      'older connections could not be looked up: they appear when their state changes',
    );
  });
  void conntrackRefusal.then((reason) => {
    if (reason !== undefined) log.warn(`NAT is not looked through: ${reason}`);
  });
}
