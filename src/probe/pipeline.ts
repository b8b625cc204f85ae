/**
 * The path of connections through the probe, one tick:
 *
 *   snapshot → resolve NAT (both by the source) → follow connections, count them in flows → name processes, holders,
 *   addresses → the probe's state, from which deliveries are made
 *
 * A tick awaits its inputs (snapshot, reporters) first; then the state changes at once.
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
import { joinOverflow, overflowEnds } from './records/overflow-counts.js';
import type { ConnectionSource, Overflow, Snapshot } from './records/source.js';
import type { Reporter } from './reporter.js';

export interface PipelineOptions {
  readonly hostName: string;
  readonly source: ConnectionSource;
  readonly reporters: readonly Reporter[];
  readonly state: ProbeState;
  readonly log: Logger;
  /** What the probe does without, as of now. Default: nothing. */
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
  /** The state has all snapshots so far: the next one may have changes only. */
  #isSettled = false;
  #isFirst = true;
  /** Lost in ticks that failed. */
  #lostSince = 0;
  #overflowSince: Overflow | undefined;
  #unreported = 0;

  constructor(private readonly options: PipelineOptions) {}

  get source(): ConnectionSource {
    return this.options.source;
  }

  /** One tick. @throws what the source throws; records that came into no state are counted as missed */
  async next(): Promise<TickResult> {
    const snapshot = await this.#snapshot(true);
    return this.#take(snapshot, await this.#factsOrLose(snapshot));
  }

  /** The last tick: waits a moment for the missing other ends. */
  async last(): Promise<TickResult> {
    const first = await this.#snapshot(false);
    await sleep(SETTLE_MS);
    const later = await this.options.source.snapshot({ changesOnly: true });
    const overflow = first.overflow && later.overflow && joinOverflow(first.overflow, later.overflow);
    const both = { ...first, lost: first.lost + later.lost, ...(overflow && { overflow }) };
    const facts = await this.#factsOrLose(both);
    this.#pending.mark(first, first.takenAtNanos);
    const result = this.#take(both, facts);
    this.#isSettled = false; // the state does not take the later snapshot's news
    this.options.state.complete({ ...recordsOf(later, false), isCompletion: true });
    return result;
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.options.state.counters(), unreported_ends: this.#unreported };
  }

  /** After a failed tick it asks for all: the state has nothing of that tick. */
  async #snapshot(mayDeferScan: boolean): Promise<Snapshot> {
    const { source, state } = this.options;
    const changesOnly = this.#isSettled;
    this.#isSettled = false;
    return source.snapshot({ mayDeferScan, changesOnly, isKnown: (ends) => state.knows(ends) });
  }

  #take(snapshot: Snapshot, facts: ReadonlyMap<TopologyKey, Topology>): TickResult {
    try {
      this.#pending.mark(snapshot, snapshot.takenAtNanos);
      const counts = this.options.state.take(this.#newsOf(snapshot, facts));
      this.#isFirst = false;
      this.#lostSince = 0;
      this.#overflowSince = undefined;
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
    const overflow = this.#allOverflow(snapshot);
    return {
      records: recordsOf(snapshot, this.#isFirst, this.options.sharedAddresses?.()),
      holders: snapshot.holders ?? NO_HOLDERS,
      natFlows: snapshot.flows ?? NO_FLOWS,
      topologies,
      lost: snapshot.lost + this.#lostSince + (overflow ? overflowEnds(overflow) : 0),
    };
  }

  /** With the overflow of ticks that failed. */
  #allOverflow({ overflow }: Snapshot): Overflow | undefined {
    const since = this.#overflowSince;
    return since && overflow ? joinOverflow(since, overflow) : (overflow ?? since);
  }

  async #factsOrLose(snapshot: Snapshot): Promise<Map<TopologyKey, Topology>> {
    try {
      return await this.#facts(snapshot);
    } catch (error) {
      this.#lose(snapshot);
      throw error;
    }
  }

  /** Counts what is lost with a failed tick as missed. */
  #lose(snapshot: Snapshot): void {
    const ends = lostEnds(snapshot);
    this.options.source.unreported?.(ends);
    let count = 0;
    for (const { active, passive } of ends.values()) count += active + passive;
    this.#unreported += count;
    this.#lostSince += snapshot.lost + count;
    this.#overflowSince = this.#allOverflow(snapshot);
  }

  /** The reporters' facts, and completeness. */
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

  /** With the losses of ticks that failed: the first tick that succeeds states them, once. */
  #completeness(snapshot: Snapshot, timestamp: Timestamp): Topology {
    const { source, hostName } = this.options;
    const { lost, overflow: _, ...rest } = snapshot;
    const all = this.#allOverflow(snapshot);
    return completenessFacts(
      {
        ...rest,
        sourceKind: source.kind,
        coverage: source.coverage,
        lost: lost + this.#lostSince,
        ...(all && { overflow: all }),
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
