/** Composes a probe out of its parts, for the commands that run one: `probe` and `up`. */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { ConnectionFeed } from '../probe/connections/feed.js';
import { openSource } from '../probe/connections/open-source.js';
import { Probe } from '../probe/probe.js';
import { createPublisher } from '../probe/publish/index.js';
import { observersFor } from './observers.js';
import type { ObserveOptions } from './shared-options.js';
import { VERSION } from './version.js';

const PROBE_ID_BYTES = 8;

export interface RunningProbe {
  readonly sourceKind: string;
  stop(): Promise<void>;
}

/** Opens the source, starts the ticks. @throws what the source, the reporters or the publisher refuse */
export async function startProbe(
  targets: readonly URL[],
  options: ObserveOptions & { readonly publishInterval: number },
  log: Logger,
): Promise<RunningProbe> {
  const probeId = randomBytes(PROBE_ID_BYTES).toString('hex');
  const opened = await openSource(options.source, { procRoot: options.procRoot });
  if (opened.fallbackReason !== undefined) {
    log.warn(
      `eBPF is not available, so connections are read from ${options.procRoot}: ${opened.fallbackReason}`,
    );
  }
  opened.seeded.catch((error: unknown) => {
    log.warn(
      { err: error },
      'older connections could not be looked up: they appear when their state changes',
    );
  });
  const observers = observersFor(options, probeId, log);
  const publisher = createPublisher({ targets, probeId, version: VERSION, log });
  const probe = new Probe({
    ...observers,
    feed: new ConnectionFeed(opened.source),
    publishIntervalMs: options.publishInterval,
    publish: (report) => {
      publisher.publish(report);
    },
  });
  probe.start();
  log.info(`watching connections by ${opened.source.kind} as host ${options.hostname}`);
  return {
    sourceKind: opened.source.kind,
    async stop() {
      await probe.stop();
      await opened.source.close();
      await observers.close();
      await publisher.close();
    },
  };
}
