/**
 * Puts one report together: the endpoint graph of a batch of connections, what the reporters know, and the names of
 * the addresses seen.
 */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { mergeTopologies, now } from '../report/index.js';
import { processNodeId } from '../report/model/node-ids.js';
import type { DnsNames, Report, Timestamp, Topology, TopologyKey } from '../report/model/model.js';
import { completenessFacts } from './completeness.js';
import type { Batch } from './batch/batcher.js';
import { degradationFacts, type Degradation } from './degradations.js';
import { otherEnds } from './records/overflow-counts.js';
import type { ReverseResolver } from './dns/index.js';
import type { Reporter } from './reporter.js';
import { WORD, WORDS } from './records/record-view.js';
import {
  buildEndpoints,
  exitedProcesses,
  type Endpoints,
  type EndpointStats,
  type LastListeners,
} from './topology/index.js';
import {
  identifyProcesses,
  type GoneProcess,
  type NameOf,
  type IdentifiedProcesses,
} from './batch/process-identity.js';
import type { HolderBatch } from './records/holder.js';
import { withNatCopies } from './nat/nat-copies.js';

export interface Observers {
  readonly hostName: string;
  readonly reporters: readonly Reporter[];
  readonly resolver: ReverseResolver;
  readonly log: Logger;
  /** Start of the process that has a PID as of the reporters' last answers, in clock ticks after boot. */
  readonly startTicksOf?: (pid: number) => number | undefined;
  /** What is done without, as of now. Default: nothing. */
  readonly degradations?: () => readonly Degradation[];
  /** Addresses that several network namespaces have, four words each. Default: none. */
  readonly sharedAddresses?: () => readonly Int32Array[];
  /** What a process that has ended is called. Default: by its comm. */
  readonly formerName?: NameOf;
  /** Remembers who listened where. Default: nobody does. */
  readonly listeners?: LastListeners;
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

  const identified = identifyProcesses(batch, observers.startTicksOf, observers.formerName);
  if (batch.unchanged !== true && batch.sameSockets !== true)
    noteListeners(batch, identified, observers, topologies.get('Process'));
  const endpoints = endpointsOf(batch, identified, observers, timestamp);
  observers.onEndpoints?.(endpoints.stats);
  add('Endpoint', withNatCopies(endpoints.topology, batch.flows, { ...observers, now: timestamp }).topology);
  add('Host', completenessFacts(batch, observers.hostName, timestamp));
  const degraded = degradationFacts(observers.degradations?.() ?? [], observers.hostName, timestamp);
  if (degraded !== undefined) add('Host', degraded);
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

function noteListeners(
  batch: Batch,
  { names }: IdentifiedProcesses,
  { listeners, hostName }: Observers,
  processes: Topology | undefined,
): void {
  const pids = new Int32Array(batch.records, 0, batch.recordCount * WORDS);
  const nameOf = (record: number): string => {
    const pid = pids[record * WORDS + WORD.pid]!;
    const node = processes?.nodes.get(processNodeId(hostName, pid));
    return node?.latest?.get('name')?.value ?? names.get(pid)?.() ?? '';
  };
  listeners?.note(batch, nameOf, performance.now());
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
  { hostName, resolver, startTicksOf, listeners, sharedAddresses }: Observers,
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
    ...(listeners && { listeners }),
    ...(sharedAddresses && { sharedAddresses: sharedAddresses() }),
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
