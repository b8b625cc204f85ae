/**
 * The probe's state: flows, facts, names, each part with the state (`seq`) of its last change. It serves any number of apps:
 * each names the state that it has, and gets the changes since. Nothing is kept per app.
 */
import { randomBytes } from 'node:crypto';
import type { FlowDefinition, FlowState } from '../../flows/flow.js';
import type { ReportMark, StatedSource } from '../../flows/stated.js';
import { STATEMENT_VERSION, type StatedFlow, type Statement } from '../../flows/statement.js';
import { now } from '../../report/index.js';
import { FACT, latestOf } from '../../report/keys.js';
import type { Report, Topology, TopologyKey } from '../../report/model/model.js';
import { processNodeId } from '../../report/model/node-ids.js';
import { LastListeners } from './last-listeners.js';
import { addressText } from '../records/address.js';
import type { HolderBatch } from '../records/holder.js';
import type { FlowBatch } from '../records/nat-flow.js';
import { RecordView } from '../records/record-view.js';
import type { SocketEnds } from '../records/source.js';
import { ConnectionTracker } from './connection-tracker.js';
import { FactBook } from './fact-book.js';
import { FlowBook } from './flow-book.js';
import { FlowDefinitions } from './flow-definitions.js';
import { KEY, KEY_WORDS } from './flow-keys.js';
import { ForwardedFlows } from './forwarded-flows.js';
import { NameBook } from './name-book.js';
import { ProcessBook } from './process-book.js';
import { ProcessNames, type ProcessKnowledge } from './process-names.js';
import type { RecordNews, TakenCounts } from './record-news.js';
import { addHolderFacts, flowHolders, listenerHolders, type FlowHolders } from './shared-sockets.js';
import { scopeReport, type StatedRow } from './scope-report.js';

export interface ProbeStateOptions {
  readonly probeId: string;
  readonly hostName: string;
  readonly intervalMs: number;
  readonly processes: ProcessKnowledge;
  /** The names of an address known now. */
  readonly names: (address: string) => readonly string[] | undefined;
  /** Inodes of the network namespaces that have an address, to find former listeners there. */
  readonly namespacesOf?: ((address: string) => readonly number[]) | undefined;
  readonly maxFlows?: number | undefined;
  /** Milliseconds since 1970. Default: the clock. */
  readonly clock?: (() => number) | undefined;
}

/** The news of one tick. */
export interface TickNews {
  readonly records: RecordNews;
  readonly holders: HolderBatch;
  readonly natFlows: FlowBatch;
  readonly topologies: ReadonlyMap<TopologyKey, Topology>;
  /** Ends of connections without a record. */
  readonly lost: number;
}

const MAX_FLOWS = 200_000;
/** Ports of ended connections are stated for one or two generations. */
const GENERATION_MS = 15_000;
/** Ticks between two searches for addresses that no flow has any more. */
const ADDRESS_SWEEP_TICKS = 60;
/** Ticks between two updates of all ends' facts: former listeners are forgotten after ten minutes. */
const FACT_SWEEP_TICKS = 60;
/** Ticks after a change of listeners, and ticks between two updates without a change, in which listeners' names are read. */
const NAMES_SETTLE_TICKS = 3;
const NAMES_AGAIN_TICKS = 20;
/** An app whose first request comes after so many states is late. */
const LATE_TICKS = 3;
const CLIENT_HERE = 1;
const SERVER_HERE = 2;

export class ProbeState implements StatedSource {
  readonly #processes = new ProcessBook();
  readonly #book: FlowBook;
  readonly #tracker: ConnectionTracker;
  readonly #names: ProcessNames;
  readonly #definitions: FlowDefinitions;
  readonly #forwarded: ForwardedFlows;
  readonly #facts = new FactBook();
  readonly #addressNames: NameBook;
  readonly #listeners: LastListeners;
  #listenersSeen = -1;
  /** Ticks in which the listeners are still to be noted again. */
  #listenersDue = 0;
  #factsSeen = -1;
  #wasShared = false;
  readonly #epoch: number;
  readonly #clock: () => number;
  readonly #startedAtMs: number;
  #atMs: number;
  #ticks = 0;
  #sampling = { count: 0, total: 0 };
  /** The state that every app has, by the publisher. */
  confirmedSeq: () => number = () => this.seq;

  constructor(private readonly options: ProbeStateOptions) {
    const { hostName, maxFlows = MAX_FLOWS, processes, names, namespacesOf = () => [] } = options;
    this.#clock = options.clock ?? Date.now;
    this.#epoch = this.#startedAtMs = this.#atMs = this.#clock();
    this.#book = new FlowBook(this.#processes, maxFlows);
    this.#tracker = new ConnectionTracker(this.#book, this.#processes);
    this.#names = new ProcessNames(this.#processes, processes);
    const { dialled } = this.#tracker;
    const dialledText = (number: number): string => dialled.textOf(number);
    this.#definitions = new FlowDefinitions(this.#book, this.#processes, this.#names, dialledText, hostName);
    this.#forwarded = new ForwardedFlows(this.#book, hostName);
    this.#addressNames = new NameBook(names);
    this.#listeners = new LastListeners(namespacesOf);
  }

  get seq(): number {
    return this.#book.seq;
  }

  counters(): Readonly<Record<string, number>> {
    return {
      flows: this.#book.size,
      overflowed_connections: this.#tracker.overflowed,
      followed_connections: this.#tracker.connections.size,
      unmatched_ends: this.#tracker.unmatched,
      dialled_dropped: this.#tracker.dialled.dropped,
      forwarded_dropped: this.#forwarded.dropped,
    };
  }

  /** Takes a tick's news: makes the next state. */
  take(news: TickNews): TakenCounts {
    const book = this.#book;
    book.seq++;
    this.#ticks++;
    book.nowMs = this.#atMs = Math.max(this.#atMs, this.#clock());
    book.generation = Math.floor((book.nowMs - this.#startedAtMs) / GENERATION_MS);
    const counts = this.#tracker.take(news.records);
    const processes = news.topologies.get('Process');
    this.#nameProcesses(processes);
    this.#noteListeners(processes);
    this.#noteEndFacts(news.holders);
    this.#forwarded.update(news.natFlows, (words, at) => this.#tracker.addresses.has(words, at));
    this.#facts.update(this.#withFormer(news.topologies, processes), book.seq);
    this.#addressNames.update(this.#changedAddresses(), book.seq);
    if (this.#ticks % ADDRESS_SWEEP_TICKS === 0) this.#sweep();
    this.#sampling = { count: counts.connections, total: counts.connections + news.lost };
    return counts;
  }

  /** Completes known connections with records taken after the state's time: no connection is new. */
  complete(records: RecordNews): void {
    this.#book.seq++;
    this.#tracker.take(records);
  }

  /** Whether a live socket has these two ends: see `SnapshotRequest.isKnown`. */
  knows(ends: SocketEnds): boolean {
    return this.#tracker.hasSocket(ends);
  }

  statementSince(base: number): Statement {
    const book = this.#book;
    const gone =
      base > 0 && base <= this.seq && this.#facts.knowsSince(base) ? book.goneSince(base) : undefined;
    const from = gone === undefined ? 0 : base;
    const flows: StatedFlow[] = [];
    for (const slot of book.changedSince(from)) {
      const isNewState = book.isStateNewer(slot, from);
      const isNewDefinition = book.isDefinitionNewer(slot, from);
      flows.push({
        id: book.ids[slot]!,
        ...(isNewDefinition && { definition: this.#definitions.of(slot) }),
        ...(isNewState && { state: this.#stateOf(slot) }),
      });
    }
    for (const { id, definition, definedIn, state, changedIn } of this.#forwarded.all())
      if (changedIn > from) flows.push({ id, ...(definedIn > from && { definition }), state });
    flows.sort((a, b) => a.id - b.id);
    const { probeId, hostName, intervalMs } = this.options;
    return {
      version: STATEMENT_VERSION,
      probe: probeId,
      epoch: this.#epoch,
      seq: this.seq,
      base: from,
      host: hostName,
      atMs: this.#atMs,
      intervalMs,
      flows,
      gone: gone ?? [],
      facts: this.#facts.since(from),
      dns: this.#addressNames.since(from),
      sampling: this.#sampling,
    };
  }

  /** All since the probe began, as one report. */
  wholeReport(): Report {
    return this.#report(undefined, false).report;
  }

  /** A late app gets live connections only: earlier counts are no part of its window. */
  reportSince(since: ReportMark | undefined): { readonly report: Report; readonly mark: ReportMark } {
    return this.#report(since, since === undefined && this.#ticks > LATE_TICKS);
  }

  #report(
    since: ReportMark | undefined,
    isLate: boolean,
  ): { readonly report: Report; readonly mark: ReportMark } {
    const rows: StatedRow[] = [];
    const states = new Map<number, FlowState>();
    for (const slot of this.#book.slots()) {
      const id = this.#book.ids[slot]!;
      const state = this.#stateOf(slot);
      states.set(id, state);
      const then = isLate ? state : since?.states.get(id);
      rows.push({ id, definition: this.#definitions.of(slot), then, now: state });
    }
    const forwarded = [...this.#forwarded.all()].map(({ definition, state }) => ({ definition, state }));
    const report = scopeReport({
      id: (randomBytes(8).readBigUInt64BE() >> 1n).toString(),
      timestamp: now(),
      hostName: this.options.hostName,
      rows,
      forwarded,
      hasExited: (pid, startTicks) => this.#hasExited(pid, startTicks),
      topologies: this.#facts.topologies,
      namesOf: (address) => this.#addressNames.namesOf(address),
      windowMs: this.#atMs - (since?.atMs ?? this.#startedAtMs),
      lost: this.#sampling.total - this.#sampling.count,
    });
    return { report, mark: { seq: this.seq, atMs: this.#atMs, states } };
  }

  /** Whether another process has the PID now. */
  #hasExited(pid: number, startTicks: number): boolean {
    const startNow = this.options.processes.startTicksOf(pid);
    return startTicks !== 0 && startNow !== undefined && startNow !== startTicks;
  }

  #stateOf(slot: number): FlowState {
    return this.#book.stateOf(slot, this.#tracker.livePorts);
  }

  #nameProcesses(processes: Topology | undefined): void {
    const renamed = this.#names.update(processes, this.options.hostName);
    if (renamed.size === 0) return;
    const { words } = this.#book.keys;
    for (const slot of this.#book.slots()) {
      const at = slot * KEY_WORDS;
      if (renamed.has(words[at + KEY.clientProcess]!) || renamed.has(words[at + KEY.serverProcess]!))
        this.#book.markDefinition(slot);
    }
  }

  #withFormer(
    topologies: ReadonlyMap<TopologyKey, Topology>,
    processes: Topology | undefined,
  ): ReadonlyMap<TopologyKey, Topology> {
    const former = this.#names.formerNodes(processes, this.options.hostName, now());
    if (former.size === 0) return topologies;
    const nodes = new Map([...(processes?.nodes ?? []), ...former]);
    return new Map(topologies).set('Process', { ...processes, nodes });
  }

  /** A program's name may be known a tick or two after it began to listen, and may change later. */
  #noteListeners(processes: Topology | undefined): void {
    const { listeners } = this.#tracker;
    if (listeners.version !== this.#listenersSeen) this.#listenersDue = NAMES_SETTLE_TICKS;
    const isDue = this.#listenersDue > 0 || this.#ticks % NAMES_AGAIN_TICKS === 0;
    this.#listenersSeen = listeners.version;
    if (!isDue) return;
    this.#listenersDue--;
    const records = listeners.records();
    const view = new RecordView(records);
    const nameOf = (record: number): string => {
      const number = this.#processes.numberOf(view, record);
      return number === 0 ? '' : this.#names.nameOf(number) || this.#nameNow(number, processes);
    };
    this.#listeners.note(records, nameOf, performance.now());
    this.#processes.settle();
  }

  /** The name of a process that no flow has. @param processes the current ones */
  #nameNow(number: number, processes: Topology | undefined): string {
    const { pid, startTicks, comm } = this.#processes.process(number);
    const node = processes?.nodes.get(processNodeId(this.options.hostName, pid));
    return latestOf(node, FACT.name) ?? this.options.processes.formerName(pid, startTicks || undefined, comm);
  }

  /** Notes rare facts of flows' ends: further fd holders, and former listeners of addresses that do not answer. */
  #noteEndFacts(holders: HolderBatch): void {
    const book = this.#book;
    const shared = flowHolders(this.#tracker, holders, this.options.processes.startTicksOf);
    const slots = this.#flowsToLookAt(shared);
    const key = book.keys.words;
    for (const slot of slots) {
      if (book.ids[slot] === 0 || book.isOverflow(slot)) continue;
      const at = slot * KEY_WORDS;
      const client = new Map<string, string>();
      const server = new Map<string, string>();
      const pidOf = (place: number): number =>
        key[at + place] === 0 ? 0 : this.#processes.process(key[at + place]!).pid;
      addHolderFacts(client, FACT.holderPids, shared.clients.get(slot), pidOf(KEY.clientProcess));
      addHolderFacts(server, FACT.holderPids, shared.servers.get(slot), pidOf(KEY.serverProcess));
      const port = key[at + KEY.port]!;
      if ((book.here[slot]! & SERVER_HERE) !== 0) {
        const netns = book.serverNetns[slot]!;
        const all = listenerHolders(this.#tracker, shared, netns, key, at + KEY.server, port);
        addHolderFacts(server, FACT.listenerPids, all);
      }
      if (book.hasFailures(slot) && (book.here[slot]! & CLIENT_HERE) !== 0) {
        const netns = key[at + KEY.space]! >>> 0;
        const text = addressText(key, at + KEY.server);
        const last = this.#listeners.find(text, key, at + KEY.server, port, netns);
        if (last !== undefined) server.set(FACT.lastListenerName, last.name);
        if (last?.isListening === true) server.set(FACT.lastListenerListens, 'yes');
      }
      if (client.size + server.size > 0 || this.#definitions.hasFacts(slot))
        this.#definitions.setFacts(slot, { client, server });
    }
  }

  /** All flows that may have such facts if sockets are shared or listeners changed; else only changed flows. */
  #flowsToLookAt({ clients, servers, listeners }: FlowHolders): Iterable<number> {
    const { version } = this.#tracker.listeners;
    const isShared = clients.size + servers.size + listeners.size > 0;
    const isAllNew =
      isShared || this.#wasShared || version !== this.#factsSeen || this.#ticks % FACT_SWEEP_TICKS === 0;
    this.#wasShared = isShared;
    this.#factsSeen = version;
    return isAllNew ? this.#book.slots() : this.#book.changedSince(this.seq - 1);
  }

  /** Of flows that changed in this tick. */
  #changedAddresses(): Set<string> {
    const addresses = new Set<string>();
    for (const slot of this.#book.changedSince(this.seq - 1)) {
      if (this.#book.isOverflow(slot)) continue;
      const { client, server } = this.#definitions.of(slot);
      addresses.add(client.address);
      addresses.add(server.address);
    }
    return addresses;
  }

  #sweep(): void {
    this.#book.expire(this.confirmedSeq());
    this.#processes.settle();
    const addresses = new Set<string>();
    for (const slot of this.#book.slots()) {
      if (this.#book.isOverflow(slot)) continue;
      const { client, server }: FlowDefinition = this.#definitions.of(slot);
      addresses.add(client.address);
      addresses.add(server.address);
    }
    this.#addressNames.keepOnly(addresses);
  }
}
