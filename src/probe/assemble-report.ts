/**
 * Puts one report together: the endpoint graph of a batch of connections, what the reporters know, and the names of
 * the addresses seen.
 */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { mergeTopologies, now } from '../report/index.js';
import type { DnsNames, Report, Timestamp, Topology, TopologyKey } from '../report/model.js';
import { completenessFacts } from './completeness.js';
import type { Batch } from './connections/feed.js';
import { otherEnds } from './connections/other-connections.js';
import type { ReverseResolver } from './dns/index.js';
import type { Reporter } from './reporter.js';
import {
  buildEndpoints,
  exitedProcesses,
  type Endpoints,
  identifyProcesses,
  type EndpointStats,
  type GoneProcess,
  type HolderBatch,
  type IdentifiedProcesses,
  withNatCopies,
} from './topology/index.js';

export interface Observers {
  readonly hostName: string;
  readonly reporters: readonly Reporter[];
  readonly resolver: ReverseResolver;
  /** The host's own networks as CIDR texts, as of now. */
  readonly localNetworks: () => readonly string[];
  readonly log: Logger;
  /** Start of the process that has a PID as of the reporters' last answers, in clock ticks after boot. */
  readonly startTicksOf?: (pid: number) => number | undefined;
  /** Told what became of each batch. */
  readonly onEndpoints?: (stats: EndpointStats) => void;
}

/** @param windowMs how long a time the batch covers, milliseconds */
export async function assembleReport(batch: Batch, windowMs: number, observers: Observers): Promise<Report> {
  const timestamp = now();
  const topologies = new Map<TopologyKey, Topology>();
  const add = (key: TopologyKey, topology: Topology): void => {
    const known = topologies.get(key);
    topologies.set(key, known ? mergeTopologies(known, topology) : topology);
  };

  const answers = await Promise.allSettled(observers.reporters.map((reporter) => reporter.report(timestamp)));
  for (const [i, answer] of answers.entries()) {
    if (answer.status === 'fulfilled') {
      for (const [key, topology] of answer.value) add(key, topology);
    } else {
      const reason = answer.reason instanceof Error ? answer.reason.message : String(answer.reason);
      observers.log.warn(
        { reporter: observers.reporters[i]?.name },
        `report goes without these facts: ${reason}`,
      );
    }
  }

  const identified = identifyProcesses(batch, observers.startTicksOf);
  const endpoints = endpointsOf(batch, identified, observers, timestamp);
  observers.onEndpoints?.(endpoints.stats);
  add('Endpoint', withNatCopies(endpoints.topology, batch.flows, { ...observers, now: timestamp }).topology);
  add('Host', completenessFacts(batch, observers.hostName, timestamp));
  const known = topologies.get('Process');
  add('Process', exitedProcesses(identified, known, observers.hostName, timestamp));

  return {
    id: randomReportId(),
    timestamp,
    topologies,
    dns: endpoints.dns,
    sampling: {
      count: endpoints.stats.connections,
      total: endpoints.stats.connections + batch.lost + (batch.other ? otherEnds(batch.other) : 0),
    },
    windowNanos: Math.round(windowMs * 1e6),
  };
}

interface Built {
  readonly endpoints: Endpoints;
  readonly holders: HolderBatch;
  readonly gone: readonly GoneProcess[];
}

/** Endpoints of the batches that are still in use: one that did not change is not worked through again. */
const builtOf = new WeakMap<ArrayBuffer, Built>();

function endpointsOf(
  { records, unchanged, sameSockets, listenersListed, holders }: Batch,
  { batch, gone }: IdentifiedProcesses,
  { hostName, resolver, startTicksOf }: Observers,
  now: Timestamp,
): Endpoints {
  const names = (address: string): DnsNames | undefined => {
    const reverse = resolver.names(address);
    return reverse !== undefined && reverse.length > 0 ? { reverse } : undefined;
  };
  const built = unchanged === true ? builtOf.get(records) : undefined;
  // PIDs and sockets change hands, and names become known, while nothing else changes.
  if (built?.holders === holders && built.gone.length === 0 && gone.length === 0)
    return { ...built.endpoints, dns: dnsOf(built.endpoints.addresses, names) };
  const endpoints = buildEndpoints({
    ...batch,
    hostName,
    now,
    names,
    gone,
    holders,
    listenersListed,
    ...(sameSockets !== undefined && { sameSockets }),
    ...(startTicksOf && { startTicksOf }),
  });
  builtOf.set(records, { endpoints, holders, gone });
  return endpoints;
}

function dnsOf(
  addresses: ReadonlySet<string>,
  names: (address: string) => DnsNames | undefined,
): Map<string, DnsNames> {
  const dns = new Map<string, DnsNames>();
  for (const address of addresses) {
    const known = names(address);
    if (known !== undefined) dns.set(address, known);
  }
  return dns;
}

/** Decimal text of 63 random bits, the form Scope uses. */
function randomReportId(): string {
  return (randomBytes(8).readBigUInt64BE() >> 1n).toString();
}
