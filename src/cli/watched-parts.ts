/** Hands the counters of a probe's parts to its metrics, under the names they are scraped by. */
import type { Batcher } from '../probe/batch/batcher.js';
import type { Publisher } from '../probe/publish/index.js';
import { startSelfServer, type Counting, type SelfServer, type Ticks } from '../probe/self/index.js';
import type { EndpointStats } from '../probe/topology/index.js';
import { oneLine } from './errors.js';
import type { ComposedObservers } from './observers.js';
import type { ListenAddress } from './options/option-values.js';
import type { Program } from './program.js';

export interface WatchedProbe {
  readonly feed: Batcher;
  readonly observers: ComposedObservers;
  readonly publisher: Publisher;
  readonly ticks: Ticks;
  readonly endpoints: EndpointCounts;
  readonly publishIntervalMs: number;
  readonly program: Program;
}

/** What endpoints were made of connections, over all reports. */
export class EndpointCounts {
  readonly counters = { connections: 0, kept: 0, failed_connects: 0, failed_connects_dropped: 0 };

  add({ connections, kept, failed, failedDropped }: EndpointStats): void {
    this.counters.connections += connections;
    this.counters.kept += kept;
    this.counters.failed_connects += failed;
    this.counters.failed_connects_dropped += failedDropped;
  }
}

/**
 * @param isDefault nobody asked for this address: when it is taken, the probe goes without
 * @throws SelfError when the address can't be listened on
 */
export async function serveMetrics(
  listen: ListenAddress | 'off',
  isDefault: boolean,
  probe: WatchedProbe,
): Promise<SelfServer | undefined> {
  if (listen === 'off') return undefined;
  const { publisher, feed, ticks, publishIntervalMs, program } = probe;
  const { log } = program;
  try {
    const server = await startSelfServer({
      listen,
      ticks,
      publishIntervalMs,
      observed: {
        sourceKind: () => feed.source.kind,
        coverage: () => feed.source.coverage,
        parts: partsOf(probe),
        apps: () => publisher.apps(),
      },
      onError: (error) => {
        log.warn(`metrics can't take a connection: ${oneLine(error)}`);
      },
    });
    log.info(`metrics and health at ${server.url.origin}`);
    return server;
  } catch (error) {
    if (!isDefault) throw error;
    log.warn(oneLine(error));
    return undefined;
  }
}

function partsOf({ feed, observers, publisher, endpoints, program }: WatchedProbe): Counting[] {
  const { resolver, processes } = observers;
  return [
    {
      name: 'source',
      counters: () => feed.source.counters(),
      gauges: [
        ...['live', 'stored', 'otherLive', 'lastSweepMs'],
        ...['conntrackRemembered', 'conntrackWaitingNamespaces'],
        ...['networkNamespaces', 'networkNamespacesWithoutProcess', 'networkNamespacesLeftOut'],
      ],
    },
    { name: 'feed', counters: () => feed.counters() },
    { name: 'endpoints', counters: () => endpoints.counters },
    { name: 'dns', counters: () => resolver.counters(), gauges: ['queued', 'in_flight', 'cached'] },
    { name: 'processes', counters: () => processes.counters(), gauges: ['last_walk_ms'] },
    {
      name: 'publish',
      counters: () => publisher.counters(),
      gauges: ['links', 'links_delivering', 'pending'],
    },
    { name: 'program', counters: () => program.counters() },
  ];
}
