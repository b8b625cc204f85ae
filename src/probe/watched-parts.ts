/** Serves a probe's metrics and health: hands the counters of its parts over, under the names they are scraped by. */
import type { Observers } from './observers.js';
import type { Pipeline } from './pipeline.js';
import type { Publisher } from './publish/index.js';
import { startSelfServer, type Counting, type SelfServer, type Ticks } from './self/index.js';
import type { ProbeSettings } from './settings.js';
import type { Surroundings } from './surroundings.js';

export interface WatchedProbe {
  readonly pipeline: Pipeline;
  readonly observers: Observers;
  readonly publisher: Publisher;
  readonly ticks: Ticks;
  readonly connections: ConnectionCounts;
  readonly publishIntervalMs: number;
  readonly surroundings: Surroundings;
}

/** What was seen of connections, over all ticks. */
export class ConnectionCounts {
  readonly counters = { connections: 0, failed_connects: 0 };

  add({ connections, failed }: { readonly connections: number; readonly failed: number }): void {
    this.counters.connections += connections;
    this.counters.failed_connects += failed;
  }
}

/**
 * @param isDefault nobody asked for this address: when it is taken, the probe goes without
 * @throws ProbeError when the address can't be listened on
 */
export async function serveMetrics(
  listen: ProbeSettings['metrics'],
  isDefault: boolean,
  probe: WatchedProbe,
): Promise<SelfServer | undefined> {
  if (listen === 'off') return undefined;
  const { publisher, pipeline, ticks, publishIntervalMs, surroundings } = probe;
  const { log } = surroundings;
  try {
    const server = await startSelfServer({
      listen,
      ticks,
      publishIntervalMs,
      observed: {
        sourceKind: () => pipeline.source.kind,
        coverage: () => pipeline.source.coverage,
        parts: partsOf(probe),
        apps: () => publisher.apps(),
      },
      onError: (error) => {
        log.warn(`metrics can't take a connection: ${lineOf(error)}`);
      },
    });
    log.info(`metrics and health at ${server.url.origin}`);
    return server;
  } catch (error) {
    if (!isDefault) throw error;
    log.warn(lineOf(error));
    return undefined;
  }
}

function lineOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ');
}

function partsOf({ pipeline, observers, publisher, connections, surroundings }: WatchedProbe): Counting[] {
  const { resolver, processes } = observers;
  return [
    {
      name: 'source',
      counters: () => pipeline.source.counters(),
      gauges: [
        ...['live', 'stored', 'otherLive', 'lastSweepMs'],
        ...['conntrackRemembered', 'conntrackWaitingNamespaces'],
        ...['networkNamespaces', 'networkNamespacesWithoutProcess', 'networkNamespacesLeftOut'],
      ],
    },
    {
      name: 'flows',
      counters: () => pipeline.counters(),
      gauges: ['flows', 'followed_connections'],
    },
    { name: 'connections', counters: () => connections.counters },
    { name: 'dns', counters: () => resolver.counters(), gauges: ['queued', 'in_flight', 'cached'] },
    { name: 'processes', counters: () => processes.counters(), gauges: ['last_scan_ms'] },
    {
      name: 'publish',
      counters: () => publisher.counters(),
      gauges: ['links', 'links_delivering', 'pending'],
    },
    { name: 'program', counters: () => surroundings.counters() },
  ];
}
