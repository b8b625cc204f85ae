/**
 * What probes say of the last few seconds, kept up to date piece by piece: statements, and reports in Scope's form, which are
 * turned into statements here. Facts and flows are kept apart; what arrives touches what it names.
 */
import type { Statement } from '../../flows/statement.js';
import { renamedId, renameHost, type NodeCache } from '../../report/index.js';
import { FACT, latestOf } from '../../report/keys.js';
import type { Node, Report, Topology, TopologyKey } from '../../report/model/model.js';
import { hostNodeId, processNodeId, TOPOLOGY_NAMES } from '../../report/model/node-ids.js';
import { fromMillis } from '../../report/model/timestamp.js';
import { AppError } from '../errors.js';
import { FlowStore, type Taken } from '../flows/flow-store.js';
import type { JoinedEnd, JoinedFlow } from '../flows/joined-flow.js';
import { localNetworks, type NetworkSet } from '../flows/networks.js';
import { hostNameOf } from '../flows/own-id.js';
import { Snapshot } from '../flows/snapshot.js';
import { moveTimes } from './clock-skew.js';
import type { Amount } from './fact-store.js';
import { Facts, type Said } from './facts.js';
import { FormerListeners } from './former-listeners.js';
import { HostNames, machineFactsOf } from './host-names.js';
import { ProbeRegistry, type ProbeIdentity, type ProbeRecord } from './probe-registry.js';
import { renameStatement } from './rename-statement.js';
import { ReportIntake } from './report-intake.js';
import { markStale } from './staleness.js';

export interface WindowSettings {
  readonly windowMs: number;
  /** Most distinct facts (a node as one probe tells it) held at once. */
  readonly maxParts: number;
  /** Most bytes they may take, as estimated; and again so many for flows. */
  readonly maxBytes: number;
  /** Most flows held at once. */
  readonly maxFlows: number;
  readonly maxProbes: number;
  readonly clock: () => number;
}

/** A report while it counts: what it said. */
interface Arrival {
  readonly number: number;
  readonly atMs: number;
  readonly probe: string;
  readonly said: Said;
}

/** What reading one report found out; to be handed in with it. */
export interface Memory extends NodeCache {
  /** Of nodes that were read. */
  readonly digests: ReadonlyMap<Node, number>;
  /** Nodes that were not, because they are those of an earlier report; their times are right already. */
  readonly recalled: ReadonlySet<Node>;
  /** Another node has taken the place of one that was read or recalled. */
  replaced(before: Node, after: Node): void;
}

export interface WindowCounts {
  /** Reports that count now. */
  readonly reports: number;
  readonly parts: number;
  /** Flows held. */
  readonly flows: number;
  /** Estimated bytes of facts and flows. */
  readonly bytes: number;
  readonly probes: number;
  /** Reports and statements. */
  readonly accepted: number;
  readonly refused: number;
}

/** A body's bytes become at most about this many times as much in memory … */
const INFLATION = 30;
/** … and below this share of the bound nobody weighs them. */
const CAREFUL_SHARE = 1 / 2;

export class Window {
  readonly #settings: WindowSettings;
  readonly #facts: Facts;
  readonly #flows: FlowStore;
  readonly #reports: ReportIntake;
  readonly #formerListeners = new FormerListeners();
  readonly #probes: ProbeRegistry;
  readonly #hostNames: HostNames;
  /** Oldest first; bounded by what the window's time and `maxParts` let in. */
  #arrivals: Arrival[] = [];
  #accepted = 0;
  #refused = 0;
  /** Counts changes of facts. */
  #version = 0;
  /** Counts changes to what nodes are called or belong to. */
  #namesVersion = 0;
  #isSettled = true;
  #networks: { readonly version: number; readonly set: NetworkSet } | undefined;
  #snapshot: { readonly version: number; readonly snapshot: Snapshot } | undefined;

  constructor(settings: WindowSettings) {
    const { windowMs, maxFlows, maxBytes } = settings;
    this.#settings = settings;
    this.#probes = new ProbeRegistry(settings);
    this.#hostNames = new HostNames(windowMs);
    this.#facts = new Facts(windowMs);
    this.#flows = new FlowStore({ windowMs, maxFlows, maxFlowsPerProbe: maxFlows, maxBytes });
    this.#reports = new ReportIntake(
      this.#flows,
      (probe, host) => this.#hostNames.hostHere(probe, host),
      (statement) => this.#formerListeners.heard(statement),
    );
  }

  /** What a probe said before, for reading its next report. */
  memoryOf(probe: string): Memory {
    const digests = new Map<Node, number>();
    const recalled = new Set<Node>();
    return {
      digests,
      recalled,
      known: (key, id, digest) => {
        const node =
          key === 'Endpoint'
            ? this.#reports.recall(probe, id, digest)
            : this.#facts.recall(probe, key, this.#hostNames.idHere(probe, id), digest);
        if (node !== undefined) recalled.add(node);
        return node;
      },
      read: (node, digest) => {
        // What is measured is another thing each time it is said.
        if (node.metrics === undefined) digests.set(node, digest);
      },
      replaced: (before, after) => {
        const digest = digests.get(before);
        if (digest !== undefined) digests.set(after, digest);
        if (recalled.has(before)) recalled.add(after);
      },
    };
  }

  /**
   * Takes a statement in whole, or not at all. @param bodyBytes what it was decoded from
   * @throws AppError WINDOW_FULL, WRONG_SHAPE, BROKEN_STATEMENT
   */
  state(probe: ProbeIdentity, sent: Statement, bodyBytes = 0): Taken {
    this.#expire();
    const nowMs = this.#settings.clock();
    const hostNode = sent.facts.get('Host')?.nodes.get(hostNodeId(sent.host));
    const nameBefore = this.#hostNames.hostHere(probe.id, sent.host);
    const name = this.#hostNames.nameOf(probe.id, sent.host, hostNode && machineFactsOf(hostNode), nowMs);
    if (name !== nameBefore && sent.base !== 0) {
      // All that the probe stated so far is under the other name.
      this.#forget(probe.id);
      return { taken: false, have: 0 };
    }
    const told = factsOf(sent);
    this.#refuseWhenFull(probe.id, bodyBytes, told, () => this.#facts.weighStated(probe.id, told));
    const statement = renameStatement(sent, sent.host, name);
    const taken = this.#flows.state(probe.id, statement, nowMs);
    if (!taken.taken) return taken;
    this.#formerListeners.heard(statement);
    this.#reports.forget(probe.id);
    const identity = { ...probe, announcedMs: sent.intervalMs };
    const named = name === sent.host ? told : renameHost(told, sent.host, name);
    this.#probes.seen(identity, named, nowMs, ++this.#accepted);
    const correctionMs = this.#probes.correctionMs(probe.id);
    const report = moveTimes(named, correctionMs);
    const metrics = moveTimes(renameHost(metricsOf(sent), sent.host, name), correctionMs);
    this.#facts.state(probe.id, { report, metrics, gone: goneOf(sent, name), isWhole: sent.base === 0 });
    this.#factsChanged();
    this.#noteHosts(named);
    return taken;
  }

  /**
   * Takes a report in whole, or not at all. @param bodyBytes what it was decoded from
   * @throws AppError WINDOW_FULL, WRONG_SHAPE
   */
  add(probe: ProbeIdentity, received: Report, bodyBytes = 0, memory: Memory = this.memoryOf(probe.id)): void {
    this.#expire();
    const atMs = this.#settings.clock();
    const sent = this.#hostNames.named(probe.id, withoutEndpoints(received), atMs, (before, after) => {
      memory.replaced(before, after);
    });
    this.#refuseWhenFull(probe.id, bodyBytes, received, () =>
      withEndpoints(this.#facts.weighReport(probe.id, sent), this.#reports.moreEndpoints(probe.id, received)),
    );
    const number = ++this.#accepted;
    const isWhole = this.#probes.seen(probe, sent, atMs, number);
    // Who sends reports has no state here any more. First what may be refused.
    this.#flows.forget(probe.id);
    const { windowMs } = this.#settings;
    const intervalMs = this.#probes.intervalMs(probe.id) ?? windowMs;
    const digestOf = (node: Node): number | undefined => memory.digests.get(node);
    this.#reports.take(probe.id, received, { atMs, isWhole, windowMs, intervalMs }, digestOf);
    this.#facts.forgetStated(probe.id);
    const report = moveTimes(sent, this.#probes.correctionMs(probe.id), memory.recalled);
    const said = this.#facts.tell(probe.id, number, report, (key, id, node) => {
      // What is kept otherwise than it was sent must not be taken for what is sent next.
      if (memory.recalled.has(node)) return undefined;
      return memory.digests.get(sent.topologies.get(key)?.nodes.get(id) ?? node);
    });
    this.#arrivals.push({ number, atMs, probe: probe.id, said });
    this.#factsChanged();
    this.#noteHosts(sent);
  }

  /** Changes whenever what the window says may have changed. */
  version(): number {
    this.#expire();
    return this.#version + this.#flows.version(this.#settings.clock());
  }

  /** Everything together. Good until the version changes. */
  snapshot(): Snapshot {
    const version = this.version();
    if (this.#snapshot?.version === version) return this.#snapshot.snapshot;
    this.#settle();
    const flows = this.flows();
    const report = this.#marked(this.#facts.settled());
    this.#formerListeners.note(flows, this.#settings.clock(), (server) => this.#nameOf(server));
    const snapshot = new Snapshot({
      report,
      flows,
      isOwned: (address) => this.#flows.isOwned(address),
      namesVersion: this.#namesVersion,
      networks: this.#networksOf(report),
      formerListener: (scope, address, port) => this.#formerListeners.at(scope, address, port),
    });
    this.#snapshot = { version, snapshot };
    return snapshot;
  }

  /** All flows, joined. */
  flows(): readonly JoinedFlow[] {
    this.#expire();
    return this.#flows.flows(this.#settings.clock());
  }

  /** Facts of everything but endpoints, merged, with the newest times of everything. */
  newestFacts(): Report {
    this.#expire();
    this.#settle();
    return this.#marked(this.#facts.newest());
  }

  probes(): ProbeRecord[] {
    this.#expire();
    return this.#probes.list(this.#settings.clock()).map((record) => {
      const nameThere = this.#hostNames.nameThere(record.id);
      return { ...record, ...(nameThere !== undefined && { nameThere }) };
    });
  }

  counts(): WindowCounts {
    this.#expire();
    const { parts, bytes } = withEndpoints(this.#facts.amount, this.#reports.endpoints);
    const flows = this.#flows.counts();
    return {
      reports: this.#arrivals.length,
      parts,
      flows: flows.flows,
      bytes: bytes + flows.bytes,
      probes: this.#probes.size,
      accepted: this.#accepted,
      refused: this.#refused,
    };
  }

  /** Most of what arrives is far from any bound: only near one is it worth finding out what is really new. */
  #refuseWhenFull(probe: string, bodyBytes: number, report: Report, weigh: () => Amount): void {
    const { maxParts, maxBytes, windowMs } = this.#settings;
    const held = withEndpoints(this.#facts.amount, this.#reports.endpoints);
    let told = report.dns.size;
    for (const { nodes } of report.topologies.values()) told += nodes.size;
    const mayBeTooMuch =
      held.parts + told > maxParts || held.bytes + bodyBytes * INFLATION > maxBytes * CAREFUL_SHARE;
    const wanted = mayBeTooMuch ? weigh() : { parts: 0, bytes: 0 };
    const fits = held.parts + wanted.parts <= maxParts && held.bytes + wanted.bytes <= maxBytes;
    if (fits && this.#probes.hasRoomFor(probe)) return;
    this.#refused++;
    throw new AppError('WINDOW_FULL', `cannot take in ${told} nodes: the window is full`, {
      retryAfterSeconds: Math.max(1, Math.ceil(windowMs / 1_000)),
    });
  }

  /** Name of an end's process; empty when it is not known. */
  #nameOf({ host, process }: JoinedEnd): string {
    if (host === undefined || process === undefined) return '';
    if (process.name !== '') return process.name;
    return latestOf(this.#facts.nodes('Process')?.get(processNodeId(host, process.pid)), FACT.name) ?? '';
  }

  #noteHosts({ topologies }: Report): void {
    for (const [id, { sets }] of topologies.get('Host')?.nodes ?? []) {
      const networks = sets?.get(FACT.localNetworks);
      if (networks !== undefined) this.#flows.noteHost(hostNameOf(id), networks);
    }
  }

  #expire(): void {
    const now = this.#settings.clock();
    const oldest = now - this.#settings.windowMs;
    // A probe's last word stands for longer than the window where its rhythm is slow.
    const standing: Arrival[] = [];
    let looked = 0;
    for (; looked < this.#arrivals.length && this.#arrivals[looked]!.atMs < oldest; looked++) {
      const arrival = this.#arrivals[looked]!;
      const { probe, number, said } = arrival;
      if (this.#probes.stands(probe, number, now)) standing.push(arrival);
      else this.#facts.release(said, probe, number);
    }
    if (standing.length < looked) {
      this.#arrivals = [...standing, ...this.#arrivals.slice(looked)];
      this.#factsChanged();
    }
    for (const probe of this.#probes.forgetSilent(now)) this.#forget(probe);
    if (this.#probes.stalenessChanged(now)) this.#factsChanged();
  }

  #forget(probe: string): void {
    this.#facts.forget(probe);
    this.#flows.forget(probe);
    this.#reports.forget(probe);
    this.#hostNames.forget(probe);
    this.#factsChanged();
  }

  #factsChanged(): void {
    this.#version++;
    this.#isSettled = false;
  }

  #settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (this.#facts.settle()) this.#namesVersion++;
  }

  /** Hosts' networks change with what they are called or belong to, which is seldom. */
  #networksOf(report: Report): NetworkSet {
    if (this.#networks?.version !== this.#namesVersion)
      this.#networks = { version: this.#namesVersion, set: localNetworks(report) };
    return this.#networks.set;
  }

  /** With hosts that are silent marked so. */
  #marked(report: Report): Report {
    const hosts = report.topologies.get('Host');
    const silent = this.#probes.silentHosts();
    if (hosts === undefined || silent.size === 0) return report;
    return { ...report, topologies: new Map(report.topologies).set('Host', markStale(hosts, silent)) };
  }
}

/** Estimated bytes of an endpoint's node. */
const ENDPOINT_BYTES = 1_000;

function withEndpoints({ parts, bytes }: Amount, endpoints: number): Amount {
  return { parts: parts + endpoints, bytes: bytes + endpoints * ENDPOINT_BYTES };
}

function withoutEndpoints(report: Report): Report {
  const topologies = new Map<TopologyKey, Topology>(report.topologies);
  topologies.delete('Endpoint');
  return { ...report, topologies };
}

/** A statement's facts in the form of a report. */
function factsOf({ facts, dns, atMs, sampling }: Statement): Report {
  const topologies = new Map<TopologyKey, Topology>();
  for (const [key, { nodes, frame }] of facts) topologies.set(key, { ...frame, nodes });
  return {
    id: '',
    timestamp: fromMillis(atMs),
    topologies,
    dns,
    ...(sampling === undefined ? {} : { sampling }),
  };
}

/** Nodes with nothing but the metrics that are stated alone. */
function metricsOf({ facts, atMs }: Statement): Report {
  const topologies = new Map<TopologyKey, Topology>();
  for (const [key, { metrics }] of facts) {
    if (metrics === undefined) continue;
    const topology = TOPOLOGY_NAMES[key];
    topologies.set(key, {
      nodes: new Map(Array.from(metrics, ([id, values]) => [id, { id, topology, metrics: values }])),
    });
  }
  return { id: '', timestamp: fromMillis(atMs), topologies, dns: new Map() };
}

function goneOf({ facts, host }: Statement, name: string): ReadonlyMap<TopologyKey, readonly string[]> {
  return new Map(Array.from(facts, ([key, { gone }]) => [key, gone.map((id) => renamedId(id, host, name))]));
}
