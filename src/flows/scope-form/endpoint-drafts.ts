/**
 * Endpoint nodes under construction. An endpoint collects its processes and, as a client's, its edges; the nodes are made
 * last. Facts that Scope does not have are under keys of our own, see `FACT`.
 */
import { FACT } from '../../report/keys.js';
import type { Latest, Node, Timestamp } from '../../report/model/model.js';
import { hostNodeId } from '../../report/model/node-ids.js';
import { joinedFacts, subflowsOf, type Facts } from './end-facts.js';
import { DIRECTION_EVIDENCE, PID_EVIDENCE, stronger, weaker } from './evidence.js';

/** A process at an endpoint. */
export interface EndProcess {
  readonly host: string;
  readonly pid: number;
  /** Of its program. */
  readonly name: string;
  /** It has ended, and another process has its PID. */
  readonly isExited: boolean;
  /** A `PidEvidence` by name. */
  readonly evidence: string;
  /** Unique among the processes. */
  readonly key: string;
}

/** What is known of one end of a row. */
export interface DraftEnd {
  readonly id: string;
  readonly process: EndProcess | undefined;
  readonly facts: Facts | undefined;
  /** Whether its socket was seen: if its process is unknown then, it is none of the known ones. */
  readonly isSeen: boolean;
}

/** The part of a row that one client endpoint represents. */
export interface EdgeNumbers {
  readonly connections: number;
  readonly fresh: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly retransmits: number;
  readonly rttMicros: number | undefined;
  readonly connectMicros: number | undefined;
  /** A `DirectionEvidence` by name. */
  readonly direction: string;
}

interface Edge {
  readonly to: DraftEnd;
  readonly numbers: EdgeNumbers;
}

interface Failure {
  readonly to: string;
  readonly reason: string;
  readonly count: number;
}

interface Holder {
  readonly process: EndProcess;
  connections: number;
  evidence: string;
}

/** Most endpoints have one process, one edge and no facts. */
interface Draft {
  holder: Holder | undefined;
  otherHolders: Map<string, Holder> | undefined;
  readonly edges: Edge[];
  failures: Failure[] | undefined;
  facts: Set<Facts> | undefined;
}

export class EndpointDrafts {
  readonly #drafts = new Map<string, Draft>();
  readonly #now: Timestamp;
  /** Facts by value, as many nodes share them. */
  readonly #latest = new Map<string, Latest>();

  constructor(now: Timestamp) {
    this.#now = now;
  }

  /** Adds a server's end with `connections` of a row. */
  addServer(end: DraftEnd, connections: number): void {
    this.#add(end, connections);
  }

  addEdge(from: DraftEnd, to: DraftEnd, numbers: EdgeNumbers): void {
    const draft = this.#add(from, numbers.connections);
    draft.edges.push({ to, numbers });
  }

  /** Connects that were never established. */
  addFailure(from: DraftEnd, to: string, reason: string, count: number): void {
    (this.#add(from, 0).failures ??= []).push({ to, reason, count });
  }

  build(): Map<string, Node> {
    const nodes = new Map<string, Node>();
    for (const [id, draft] of this.#drafts) {
      const latest = new Map<string, Latest>();
      const set = (key: string, value: string | number): void => {
        latest.set(key, this.#fact(String(value)));
      };
      const holder = mostSeen(draft);
      if (holder !== undefined) setProcess(holder, set);
      const pid = holder?.process.isExited === false ? holder.process.pid : undefined;
      if (draft.facts !== undefined)
        for (const [key, value] of joinedFacts(draft.facts, pid)) set(key, value);
      if (draft.edges.length > 0) this.#setEdges(draft, set);
      if (draft.failures !== undefined) setFailures(draft.edges.length > 0, draft.failures, set);
      const adjacency = adjacencyOf(draft);
      nodes.set(id, {
        id,
        topology: 'endpoint',
        ...(latest.size > 0 && { latest }),
        ...(adjacency.length > 0 && { adjacency }),
      });
    }
    return nodes;
  }

  #add({ id, process, facts }: DraftEnd, connections: number): Draft {
    let draft = this.#drafts.get(id);
    if (draft === undefined) this.#drafts.set(id, (draft = newDraft()));
    if (facts !== undefined && facts.size > 0) (draft.facts ??= new Set()).add(facts);
    if (process === undefined) return draft;
    let holder = draft.holder;
    if (holder !== undefined && holder.process.key !== process.key)
      holder = draft.otherHolders?.get(process.key);
    if (holder !== undefined) {
      holder.connections += connections;
      holder.evidence = stronger(PID_EVIDENCE, holder.evidence, process.evidence);
      return draft;
    }
    const added: Holder = { process, connections, evidence: process.evidence };
    if (draft.holder === undefined) draft.holder = added;
    else (draft.otherHolders ??= new Map()).set(process.key, added);
    return draft;
  }

  #setEdges(draft: Draft, set: (key: string, value: string | number) => void): void {
    const numbers = draft.edges.map((edge) => edge.numbers);
    const sumOf = (field: 'connections' | 'fresh' | 'bytesSent' | 'bytesReceived' | 'retransmits'): number =>
      numbers.reduce((sum, each) => sum + each[field], 0);
    const setUnlessZero = (key: string, value: number): void => {
      if (value !== 0) set(key, value);
    };
    const connections = sumOf('connections');
    const fresh = sumOf('fresh');
    if (connections > 1) set(FACT.connCount, connections);
    if (fresh < connections) set(FACT.connNew, fresh);
    setUnlessZero(FACT.bytesSent, sumOf('bytesSent'));
    setUnlessZero(FACT.bytesReceived, sumOf('bytesReceived'));
    setUnlessZero(FACT.retransmits, sumOf('retransmits'));
    for (const [key, field] of [
      [FACT.rttMicros, 'rttMicros'],
      [FACT.connectMicros, 'connectMicros'],
    ] as const) {
      const mean = meanOf(numbers, field);
      if (mean !== undefined) set(key, mean);
    }
    setUnlessZero(
      FACT.mptcpSubflows,
      subflowsOf([...(draft.facts ?? []), ...draft.edges.map(({ to }) => to.facts)]),
    );
    set(
      FACT.directionEvidence,
      numbers.map(({ direction }) => direction).reduce((a, b) => weaker(DIRECTION_EVIDENCE, a, b)),
    );
    const toPid = this.#toPid(draft.edges);
    if (toPid !== undefined) set(FACT.toPid, toPid);
  }

  /** The serving process, if the server's endpoint names another one. 0: it has no PID now, or an unknown one. */
  #toPid(edges: readonly Edge[]): number | undefined {
    const [{ to } = { to: undefined }, ...others] = edges;
    if (to === undefined) return undefined;
    const isOne = others.every((edge) => edge.to.id === to.id && edge.to.process?.key === to.process?.key);
    if (!isOne) return undefined;
    const server = this.#drafts.get(to.id);
    if (to.process === undefined) return to.isSeen && server?.holder !== undefined ? 0 : undefined;
    if (server?.otherHolders === undefined) return undefined;
    return to.process.isExited ? 0 : to.process.pid;
  }

  /** One object per value and report. */
  #fact(value: string): Latest {
    let fact = this.#latest.get(value);
    if (fact === undefined) this.#latest.set(value, (fact = { timestamp: this.#now, value }));
    return fact;
  }
}

function newDraft(): Draft {
  return { holder: undefined, otherHolders: undefined, edges: [], failures: undefined, facts: undefined };
}

function setProcess({ process, evidence }: Holder, set: (key: string, value: string | number) => void): void {
  if (process.isExited) {
    set(FACT.exitedPid, process.pid);
    if (process.name !== '') set(FACT.exitedName, process.name);
  } else set(FACT.pid, process.pid);
  set(FACT.hostNodeId, hostNodeId(process.host));
  set(FACT.pidEvidence, evidence);
}

/** `conn_count` is 0, not absent: absent means one connection, and there was none. */
function setFailures(
  hasEdges: boolean,
  failures: readonly Failure[],
  set: (key: string, value: string | number) => void,
): void {
  if (!hasEdges) set(FACT.connCount, 0);
  set(
    FACT.failedCount,
    failures.reduce((sum, { count }) => sum + count, 0),
  );
  set(FACT.failedReason, [...new Set(failures.map(({ reason }) => reason))].sort().join(', '));
}

/** Weighted by connections; without numbers that have none. */
function meanOf(numbers: readonly EdgeNumbers[], field: 'rttMicros' | 'connectMicros'): number | undefined {
  let sum = 0;
  let count = 0;
  for (const each of numbers) {
    const value = each[field];
    if (value === undefined) continue;
    sum += value * each.connections;
    count += each.connections;
  }
  return count === 0 ? undefined : Math.round(sum / count);
}

function adjacencyOf({ edges, failures }: Draft): string[] {
  return [...new Set([...edges.map(({ to }) => to.id), ...(failures ?? []).map(({ to }) => to)])].sort();
}

/**
 * A node has room for one process: first one that still has its PID, then the one with most connections, then the lowest
 * PID.
 */
function mostSeen({ holder, otherHolders }: Draft): Holder | undefined {
  let best = holder;
  for (const one of otherHolders?.values() ?? []) if (best === undefined || isBetter(one, best)) best = one;
  return best;
}

function isBetter(a: Holder, b: Holder): boolean {
  if (a.process.isExited !== b.process.isExited) return b.process.isExited;
  if (a.connections !== b.connections) return a.connections > b.connections;
  return a.process.pid !== b.process.pid ? a.process.pid < b.process.pid : a.process.key < b.process.key;
}
