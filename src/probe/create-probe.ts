/** Composes a probe out of its parts, and starts it. */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { createPipeline } from './create-pipeline.js';
import { createObservers } from './observers.js';
import { openSource, type OpenedSource } from './open-connections.js';
import { Probe } from './probe.js';
import { createPublisher, type Publisher } from './publish/index.js';
import { sourceText } from './records/source-text.js';
import { RenewableMetrics } from './renewable-metrics.js';
import { Ticks } from './self/index.js';
import type { ProbeSettings } from './settings.js';
import type { Surroundings } from './surroundings.js';
import { ConnectionCounts } from './watched-parts.js';

const PROBE_ID_BYTES = 8;

export interface RunningProbe {
  readonly sourceKind: string;
  stop(): Promise<void>;
}

/** Opens the source, starts the ticks. @throws what the source, the reporters, the publisher or the metrics refuse */
export async function createProbe(
  settings: ProbeSettings,
  surroundings: Surroundings,
): Promise<RunningProbe> {
  const { log, supervise } = surroundings;
  const probeId = randomBytes(PROBE_ID_BYTES).toString('hex');
  const { publishIntervalMs, hostName, maxFlows } = settings;
  // What is open, in the order of closing; each is there as soon as it is open, so that nothing is left after a failure.
  const closing: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closing) await close();
  };
  try {
    const opened: OpenedSource = await supervise(
      {
        name: 'source',
        restart: () => opened.source.distrust?.('an error that nobody handled came from it'),
      },
      () => openSource(settings.source, { ...settings, warn: (message) => log.warn(message) }),
    );
    const { source, namespaces } = opened;
    closing.unshift(() => source.close());
    sayHowItStarted(opened, settings.procRoot, log);
    const observers = createObservers(settings, probeId, surroundings, namespaces);
    closing.unshift(() => observers.close());
    const { pipeline, state } = createPipeline({
      ...observers,
      source,
      probeId,
      intervalMs: publishIntervalMs,
      maxFlows,
      log,
    });
    const publisher: Publisher = supervise({ name: 'publish', restart: () => publisher.renew() }, () =>
      createPublisher({
        ...settings.publish,
        source: state,
        targets: settings.targets,
        probeId,
        version: settings.version,
        intervalMs: publishIntervalMs,
        log,
      }),
    );
    state.confirmedSeq = () => publisher.confirmedSeq();
    closing.unshift(() => publisher.close());
    const ticks = new Ticks();
    const connections = new ConnectionCounts();
    const metrics = await RenewableMetrics.start(settings.metrics, settings.isMetricsDefault, {
      pipeline,
      observers,
      publisher,
      ticks,
      connections,
      publishIntervalMs,
      surroundings,
    });
    closing.push(() => metrics.close());
    const probe = new Probe({
      pipeline,
      ticks,
      publishIntervalMs,
      log,
      onState: (result) => {
        connections.add(result);
        publisher.notify();
      },
    });
    closing.unshift(() => probe.stop());
    supervise({ name: 'ticks', restart: () => probe.resume() }, () => probe.start());
    log.info(`watching connections by ${sourceText(source)} as host ${hostName}`);
    return { sourceKind: source.kind, stop };
  } catch (error) {
    await stop();
    throw error;
  }
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
