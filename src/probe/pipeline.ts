/**
 * The way of the connections through the probe, one tick:
 *
 *   snapshot → resolve NAT (both by the source) → follow connections, count them in flows → name processes, holders,
 *   addresses → the probe's state, from which deliveries are made
 *
 * What comes from outside (snapshot, reporters) is awaited first; the state then changes from one to the next at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { mergeTopologies, now } from '../report/index.js';
import type { Timestamp, Topology, TopologyKey } from '../report/model/model.js';
import { completenessFacts } from './completeness.js';
import { degradationFacts, type Degradation } from './degradations.js';
import { PendingConnects } from './flows/pending-connects.js';
import type { ProbeState, TickNews } from './flows/probe-state.js';
import type { RecordNews, TakenCounts } from './flows/record-news.js';
import { NO_HOLDERS } from './records/holder.js';
import { lostEnds } from './records/lost-ends.js';
import { NO_FLOWS } from './records/nat-flow.js';
import { joinOther, otherEnds } from './records/overflow-counts.js';
import type { ConnectionSource, OtherConnections, Snapshot } from './records/source.js';
import type { Reporter } from './reporter.js';

export interface PipelineOptions {
  readonly hostName: string;
  readonly source: ConnectionSource;
  readonly reporters: readonly Reporter[];
  readonly state: ProbeState;
  readonly log: Logger;
  /** What is done without, as of now. Default: nothing. */
  readonly degradations?: (() => readonly Degradation[]) | undefined;
  /** Addresses that several network namespaces have, four words each. Default: none. */
  readonly sharedAddresses?: (() => readonly Int32Array[]) | undefined;
}

export interface TickResult extends TakenCounts {
  readonly records: number;
  readonly lost: number;
  /** Nodes known, by topology. */
  readonly nodes: ReadonlyMap<string, number>;
}

/** How long the other end of a connection may lag behind when there is no next tick. */
const SETTLE_MS = 50;

export class Pipeline {
  readonly #pending = new PendingConnects();
  /** All snapshots so far were taken in: the next one need have changes only. */
  #isSettled = false;
  #isFirst = true;
  /** Of ticks that failed. */
  #lostSince = 0;
  #otherSince: OtherConnections | undefined;
  #unreported = 0;

  constructor(private readonly options: PipelineOptions) {}

  get source(): ConnectionSource {
    return this.options.source;
  }

  /** One tick. @throws what the source throws; what was taken from it and is in no state then is counted as missed */
  async next(): Promise<TickResult> {
    const snapshot = await this.#snapshot(true);
    return this.#take(snapshot, await this.#factsOrLose(snapshot));
  }

  /** As `next`, for the last time: waits a moment for the ends that are missing. */
  async last(): Promise<TickResult> {
    const first = await this.#snapshot(false);
    await sleep(SETTLE_MS);
    const later = await this.options.source.snapshot({ changesOnly: true });
    const other = first.other && later.other && joinOther(first.other, later.other);
    const both = { ...first, lost: first.lost + later.lost, ...(other && { other }) };
    const facts = await this.#factsOrLose(both);
    this.#pending.mark(first, first.takenAtNanos);
    const result = this.#take(both, facts);
    this.#isSettled = false; // what is new in the later one is taken in by nobody
    this.options.state.complete({ ...recordsOf(later, false), isCompletion: true });
    return result;
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.options.state.counters(), unreported_ends: this.#unreported };
  }

  /** After a tick that failed a whole one: what was in that one is nowhere. */
  async #snapshot(thrifty: boolean): Promise<Snapshot> {
    const { source, state } = this.options;
    const changesOnly = this.#isSettled;
    this.#isSettled = false;
    return source.snapshot({ thrifty, changesOnly, isKnown: (ends) => state.knows(ends) });
  }

  #take(snapshot: Snapshot, facts: ReadonlyMap<TopologyKey, Topology>): TickResult {
    try {
      this.#pending.mark(snapshot, snapshot.takenAtNanos);
      const counts = this.options.state.take(this.#newsOf(snapshot, facts));
      this.#isFirst = false;
      this.#lostSince = 0;
      this.#otherSince = undefined;
      this.#isSettled = true;
      return {
        ...counts,
        records: snapshot.recordCount,
        lost: snapshot.lost,
        nodes: new Map([...facts].map(([key, { nodes }]) => [key, nodes.size])),
      };
    } catch (error) {
      this.#lose(snapshot);
      throw error;
    }
  }

  #newsOf(snapshot: Snapshot, topologies: ReadonlyMap<TopologyKey, Topology>): TickNews {
    const other = this.#allOther(snapshot);
    return {
      records: recordsOf(snapshot, this.#isFirst, this.options.sharedAddresses?.()),
      holders: snapshot.holders ?? NO_HOLDERS,
      natFlows: snapshot.flows ?? NO_FLOWS,
      topologies,
      lost: snapshot.lost + this.#lostSince + (other ? otherEnds(other) : 0),
    };
  }

  /** With what is left over from ticks that failed. */
  #allOther({ other }: Snapshot): OtherConnections | undefined {
    const since = this.#otherSince;
    return since && other ? joinOther(since, other) : (other ?? since);
  }

  async #factsOrLose(snapshot: Snapshot): Promise<Map<TopologyKey, Topology>> {
    try {
      return await this.#facts(snapshot);
    } catch (error) {
      this.#lose(snapshot);
      throw error;
    }
  }

  /** What is lost with a tick that failed is counted as missed. */
  #lose(snapshot: Snapshot): void {
    const ends = lostEnds(snapshot);
    this.options.source.unreported?.(ends);
    let count = 0;
    for (const { active, passive } of ends.values()) count += active + passive;
    this.#unreported += count;
    this.#lostSince += snapshot.lost + count;
    this.#otherSince = this.#allOther(snapshot);
  }

  /** What the reporters know, and how complete the picture is. */
  async #facts(snapshot: Snapshot): Promise<Map<TopologyKey, Topology>> {
    const timestamp = now();
    const { hostName, reporters, log, degradations } = this.options;
    const topologies = new Map<TopologyKey, Topology>();
    const answers = await Promise.allSettled(reporters.map((reporter) => reporter.report(timestamp)));
    for (const [i, answer] of answers.entries()) {
      if (answer.status === 'fulfilled') {
        for (const [key, topology] of answer.value) add(topologies, key, topology);
      } else {
        const reason = answer.reason instanceof Error ? answer.reason.message : String(answer.reason);
        log.warn({ reporter: reporters[i]?.name }, `this tick goes without these facts: ${reason}`);
      }
    }
    add(topologies, 'Host', this.#completeness(snapshot, timestamp));
    const degraded = degradationFacts(degradations?.() ?? [], hostName, timestamp);
    if (degraded !== undefined) add(topologies, 'Host', degraded);
    return topologies;
  }

  /** With what is left over from ticks that failed: it is stated once, by the first that does not fail. */
  #completeness(snapshot: Snapshot, timestamp: Timestamp): Topology {
    const { source, hostName } = this.options;
    const { lost, other: _, ...rest } = snapshot;
    const all = this.#allOther(snapshot);
    return completenessFacts(
      {
        ...rest,
        sourceKind: source.kind,
        coverage: source.coverage,
        lost: lost + this.#lostSince,
        ...(all && { other: all }),
      },
      hostName,
      timestamp,
    );
  }
}

function recordsOf(
  { isWhole, gone, records, recordCount, listenersListed = false, dialled }: Snapshot,
  isFirst: boolean,
  sharedAddresses?: readonly Int32Array[],
): RecordNews {
  return { records, recordCount, isWhole, gone, isFirst, listenersListed, dialled, sharedAddresses };
}

function add(topologies: Map<TopologyKey, Topology>, key: TopologyKey, topology: Topology): void {
  const known = topologies.get(key);
  topologies.set(key, known ? mergeTopologies(known, topology) : topology);
}
