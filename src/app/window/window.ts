/**
 * The reports of the last few seconds, and of each probe its last word, and what they say together, kept up to date piece by piece: an arriving report
 * touches what it tells anew, and a report that leaves the window takes along what nobody repeated.
 */
import { mergeNodes, type NodeCache } from '../../report/index.js';
import { mergeDnsNames } from '../../report/merge/reports.js';
import {
  TOPOLOGY_KEYS,
  type DnsNames,
  type Node,
  type Report,
  type TopologyKey,
} from '../../report/model/model.js';
import { AppError } from '../errors.js';
import { bothEndsOf } from '../flows/both-ends.js';
import { latestOf } from '../flows/endpoint.js';
import { Flows } from '../flows/flows.js';
import { ClientGroups } from '../flows/client-groups.js';
import { Snapshot } from '../flows/snapshot.js';
import { FormerListeners } from './former-listeners.js';
import { TopologyTemplates } from './topology-templates.js';
import { HostNames } from './host-names.js';
import { dnsRules, endpointRules, isStillCalled, nodeRules } from './node-equality.js';
import { moveTimes } from './clock-skew.js';
import { markStale } from './staleness.js';
import { Scopes } from './scopes.js';
import { FactStore, type Amount, type Entry } from './fact-store.js';
import { ProbeRegistry, type ProbeIdentity, type ProbeRecord } from './probe-registry.js';

export interface WindowSettings {
  readonly windowMs: number;
  /** Most distinct facts (a node as one probe tells it) held at once. */
  readonly maxParts: number;
  /** Most bytes they may take, as estimated. */
  readonly maxBytes: number;
  readonly maxProbes: number;
  readonly clock: () => number;
}

/** A report while it counts: which entries it spoke about. */
interface Arrival {
  readonly number: number;
  readonly atMs: number;
  readonly probe: string;
  readonly spokeOf: readonly {
    readonly store: FactStore<unknown>;
    readonly entries: readonly Entry<unknown>[];
  }[];
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
  readonly reports: number;
  readonly parts: number;
  /** Estimated bytes of the parts. */
  readonly bytes: number;
  readonly probes: number;
  readonly accepted: number;
  readonly refused: number;
}

/** A body's bytes become at most about this many times as much in memory … */
const INFLATION = 30;
/** … and below this share of the bound nobody weighs them. */
const CAREFUL_SHARE = 1 / 2;

const UNSETTLED_MAX = 5_000;

export class Window {
  readonly #settings: WindowSettings;
  readonly #nodes = new Map<TopologyKey, FactStore<Node>>();
  readonly #dns = new FactStore<DnsNames>(dnsRules(mergeDnsNames));
  readonly #groups = new ClientGroups();
  readonly #flows = new Flows(this.#groups);
  readonly #templates = new TopologyTemplates();
  readonly #formerListeners = new FormerListeners();
  readonly #probes: ProbeRegistry;
  readonly #scopes: Scopes;
  readonly #hostNames: HostNames;
  /** Oldest first; bounded by what the window's time and `maxParts` let in. */
  #arrivals: Arrival[] = [];
  #reports = 0;
  #refused = 0;
  #version = 0;
  /** Counts changes to what nodes are called or belong to, as opposed to who talks to whom. */
  #namesVersion = 0;
  #settled = true;
  #templatesSeen = 0;
  #snapshot: Snapshot | undefined;

  constructor(settings: WindowSettings) {
    this.#settings = settings;
    this.#probes = new ProbeRegistry(settings);
    this.#hostNames = new HostNames(settings.windowMs);
    const rules = nodeRules(mergeNodes, settings.windowMs);
    for (const key of TOPOLOGY_KEYS) {
      this.#nodes.set(key, new FactStore(key === 'Endpoint' ? endpointRules(mergeNodes) : rules));
    }
    this.#scopes = new Scopes(this.#nodes.get('Endpoint')!, settings.windowMs);
  }

  /** What a probe said before, for reading its next report. */
  memoryOf(probe: string): Memory {
    const digests = new Map<Node, number>();
    const recalled = new Set<Node>();
    return {
      digests,
      recalled,
      known: (key, id, digest) => {
        const node = this.#nodes.get(key)?.recall(probe, this.#hostNames.idHere(probe, id), digest);
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
   * Takes a report in whole, or not at all. @param bodyBytes what it was decoded from
   * @throws AppError WINDOW_FULL, WRONG_SHAPE
   */
  add(probe: ProbeIdentity, received: Report, bodyBytes = 0, memory: Memory = this.memoryOf(probe.id)): void {
    this.#expire();
    const atMs = this.#settings.clock();
    const sent = this.#hostNames.named(probe.id, received, atMs, (before, after) => {
      memory.replaced(before, after);
    });
    this.#refuseWhenFull(probe.id, sent, bodyBytes);
    const number = ++this.#reports;
    this.#probes.seen(probe, sent, atMs, number);
    const moved = moveTimes(sent, this.#probes.correctionMs(probe.id), memory.recalled);
    const { report, changed } = this.#scopes.apply(moved, memory.recalled, atMs);
    const spokeOf: { store: FactStore<unknown>; entries: Entry<unknown>[] }[] = [];
    for (const [key, { nodes }] of report.topologies) {
      const store = this.#nodes.get(key);
      if (store === undefined || nodes.size === 0) continue;
      const entries: Entry<unknown>[] = [];
      const asSent = sent.topologies.get(key)?.nodes;
      for (const [id, node] of nodes) {
        // What is kept otherwise than it was sent must not be taken for what is sent next.
        const isNew = !memory.recalled.has(node) && !changed.has(node);
        const digest = isNew ? memory.digests.get(asSent?.get(id) ?? node) : undefined;
        entries.push(store.add(probe.id, number, id, node, report.timestamp, digest));
      }
      spokeOf.push({ store: store as FactStore<unknown>, entries });
    }
    if (report.dns.size > 0) {
      const entries: Entry<unknown>[] = [];
      for (const [address, names] of report.dns)
        entries.push(this.#dns.add(probe.id, number, address, names));
      spokeOf.push({ store: this.#dns as FactStore<unknown>, entries });
    }
    this.#templates.set(probe.id, report);
    this.#arrivals.push({ number, atMs, probe: probe.id, spokeOf });
    this.#changed();
    // While nobody looks, what is new must not pile up until the first who does has to wait for all of it.
    if (this.#nodes.get('Endpoint')!.changes > UNSETTLED_MAX) this.#settle();
  }

  /** Changes whenever what the window says may have changed. */
  version(): number {
    this.#expire();
    return this.#version;
  }

  /** Everything together. Good until the version changes. */
  snapshot(): Snapshot {
    this.#expire();
    this.#settle();
    return (this.#snapshot ??= new Snapshot(
      this.#report((store) => store.merged),
      this.#flows,
      this.#namesVersion,
      (endpoint) => this.#formerListeners.at(endpoint, this.#settings.clock()),
    ));
  }

  /** The merged report with the newest times of everything. */
  newestReport(): Report {
    this.#expire();
    this.#settle();
    return this.#report((store) => new Map(store.newest()));
  }

  probes(): ProbeRecord[] {
    this.#expire();
    return this.#probes.list(this.#settings.clock()).map((record) => {
      const nameThere = this.#hostNames.nameThere(record.id);
      return { ...record, ...(nameThere !== undefined && { nameThere }) };
    });
  }

  counts(): WindowCounts {
    return {
      reports: this.#arrivals.length,
      ...this.#held(),
      probes: this.#probes.size,
      accepted: this.#reports,
      refused: this.#refused,
    };
  }

  #refuseWhenFull(probe: string, report: Report, bodyBytes: number): void {
    const { maxParts, maxBytes, windowMs } = this.#settings;
    const held = this.#held();
    let told = report.dns.size;
    for (const { nodes } of report.topologies.values()) told += nodes.size;
    // Most reports are far from any bound: only near one is it worth finding out what is really new.
    const mayBeTooMuch =
      held.parts + told > maxParts || held.bytes + bodyBytes * INFLATION > maxBytes * CAREFUL_SHARE;
    const wanted = mayBeTooMuch ? this.#new(probe, report) : { parts: 0, bytes: 0 };
    const fits = held.parts + wanted.parts <= maxParts && held.bytes + wanted.bytes <= maxBytes;
    if (fits && this.#probes.hasRoomFor(probe)) return;
    this.#refused++;
    throw new AppError('WINDOW_FULL', `cannot take in a report with ${told} nodes: the window is full`, {
      retryAfterSeconds: Math.max(1, Math.ceil(windowMs / 1_000)),
    });
  }

  #new(probe: string, report: Report): Amount {
    const sum: Amount = { parts: 0, bytes: 0 };
    this.#dns.weighNew(probe, report.dns, sum);
    for (const [key, { nodes }] of report.topologies) this.#nodes.get(key)?.weighNew(probe, nodes, sum);
    return sum;
  }

  #held(): Amount {
    const sum: Amount = { ...this.#dns.amount };
    for (const { amount } of this.#nodes.values()) {
      sum.parts += amount.parts;
      sum.bytes += amount.bytes;
    }
    return sum;
  }

  #expire(): void {
    const now = this.#settings.clock();
    const oldest = now - this.#settings.windowMs;
    // A probe's last word stands for longer than the window where its rhythm is slow.
    const standing: Arrival[] = [];
    let looked = 0;
    for (; looked < this.#arrivals.length && this.#arrivals[looked]!.atMs < oldest; looked++) {
      const arrival = this.#arrivals[looked]!;
      const { probe, number, spokeOf } = arrival;
      if (this.#probes.stands(probe, number, now)) {
        standing.push(arrival);
        continue;
      }
      for (const { store, entries } of spokeOf)
        for (const entry of entries) store.release(entry, probe, number);
    }
    if (standing.length < looked) {
      this.#arrivals = [...standing, ...this.#arrivals.slice(looked)];
      for (const probe of this.#probes.forgetSilent(now)) {
        this.#templates.delete(probe);
        this.#hostNames.forget(probe);
      }
      this.#changed();
    }
    if (this.#probes.stalenessChanged(now)) this.#changed();
  }

  #changed(): void {
    this.#version++;
    this.#settled = false;
    this.#snapshot = undefined;
  }

  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    let namesChanged = this.#templatesSeen !== this.#templates.version;
    this.#templatesSeen = this.#templates.version;
    const now = this.#settings.clock();
    const processes = this.#nodes.get('Process')!.merged;
    const nameOf = (process: string): string | undefined => latestOf(processes.get(process), 'name');
    for (const [key, store] of this.#nodes) {
      if (key === 'Endpoint') {
        store.settle(
          (id, node, old) => {
            this.#formerListeners.changed(id, node, old, now, nameOf);
            if (node === undefined) this.#groups.delete(id);
            else this.#groups.set(id, node);
            this.#flows.changed(id);
          },
          (id, versions) => this.#groups.setViews(id, bothEndsOf(versions)),
        );
      } else if (key === 'Process') {
        store.settle(() => undefined);
      } else {
        store.settle((_id, node, old) => (namesChanged ||= !isStillCalled(node, old)));
      }
    }
    this.#dns.settle(() => undefined);
    if (namesChanged) this.#namesVersion++;
  }

  #report(nodesOf: (store: FactStore<Node>) => ReadonlyMap<string, Node>): Report {
    const report = this.#templates.fill((key) => nodesOf(this.#nodes.get(key)!), this.#dns.merged);
    const hosts = report.topologies.get('Host');
    const silent = this.#probes.silentHosts();
    if (hosts === undefined || silent.size === 0) return report;
    return { ...report, topologies: new Map(report.topologies).set('Host', markStale(hosts, silent)) };
  }
}
