/**
 * All that probes say of anything but flows: nodes by topology, names of addresses, and what is around the nodes (shapes,
 * labels, templates). Reports are told again and again and let go of; what is stated stands until it is stated otherwise.
 */
import { mergeNodes } from '../../report/index.js';
import { mergeDnsNames } from '../../report/merge/reports.js';
import {
  TOPOLOGY_KEYS,
  type DnsNames,
  type Node,
  type Report,
  type Topology,
  type TopologyKey,
} from '../../report/model/model.js';
import { FactStore, type Amount, type Entry } from './fact-store.js';
import { dnsRules, isStillCalled, nodeRules } from './node-equality.js';
import { TopologyTemplates } from './topology-templates.js';

/** What one report said, to be let go of later. */
export type Said = readonly {
  readonly store: FactStore<unknown>;
  readonly entries: readonly Entry<unknown>[];
}[];

/** Facts of a statement, under the names that its probe's machine has here. */
export interface FactsStated {
  /** Changed nodes, whole, and names that changed; topologies with a frame in which something changed. */
  readonly report: Report;
  /** Nodes of which nothing but the metrics changed, with nothing else in them. */
  readonly metrics: Report;
  readonly gone: ReadonlyMap<TopologyKey, readonly string[]>;
  /** What it does not name is not there. */
  readonly isWhole: boolean;
}

type Frame = Omit<Topology, 'nodes'>;

interface Stated {
  readonly ids: Map<TopologyKey, Set<string>>;
  readonly addresses: Set<string>;
  readonly frames: Map<TopologyKey, Frame>;
}

export class Facts {
  readonly #nodes = new Map<TopologyKey, FactStore<Node>>();
  readonly #dns = new FactStore<DnsNames>(dnsRules(mergeDnsNames));
  readonly #templates = new TopologyTemplates();
  /** By probe. */
  readonly #stated = new Map<string, Stated>();
  #templatesSeen = 0;

  constructor(windowMs: number) {
    const rules = nodeRules(mergeNodes, windowMs);
    for (const key of TOPOLOGY_KEYS) if (key !== 'Endpoint') this.#nodes.set(key, new FactStore(rules));
  }

  get amount(): Amount {
    const sum: Amount = { ...this.#dns.amount };
    for (const { amount } of this.#nodes.values()) {
      sum.parts += amount.parts;
      sum.bytes += amount.bytes;
    }
    return sum;
  }

  nodes(key: TopologyKey): ReadonlyMap<string, Node> | undefined {
    return this.#nodes.get(key)?.merged;
  }

  /** What `probe` says about a node already, if it was encoded with this digest. */
  recall(probe: string, key: TopologyKey, id: string, digest: number): Node | undefined {
    return this.#nodes.get(key)?.recall(probe, id, digest);
  }

  /** What a report would add. */
  weighReport(probe: string, report: Report): Amount {
    const sum: Amount = { parts: 0, bytes: 0 };
    this.#dns.weighNew(probe, report.dns, sum);
    for (const [key, { nodes }] of report.topologies) this.#nodes.get(key)?.weighNew(probe, nodes, sum);
    return sum;
  }

  /** What a statement would add. */
  weighStated(probe: string, report: Report): Amount {
    const sum: Amount = { parts: 0, bytes: 0 };
    this.#dns.weighStated(probe, report.dns, sum);
    for (const [key, { nodes }] of report.topologies) this.#nodes.get(key)?.weighStated(probe, nodes, sum);
    return sum;
  }

  /** Takes in report number `number` of a probe. @param digestOf of a node's bytes, where it is known */
  tell(
    probe: string,
    number: number,
    report: Report,
    digestOf: (key: TopologyKey, id: string, node: Node) => number | undefined,
  ): Said {
    const said: { store: FactStore<unknown>; entries: Entry<unknown>[] }[] = [];
    for (const [key, { nodes }] of report.topologies) {
      const store = this.#nodes.get(key);
      if (store === undefined || nodes.size === 0) continue;
      const entries: Entry<unknown>[] = [];
      for (const [id, node] of nodes)
        entries.push(store.add(probe, number, id, node, report.timestamp, digestOf(key, id, node)));
      said.push({ store: store as FactStore<unknown>, entries });
    }
    if (report.dns.size > 0) {
      const entries: Entry<unknown>[] = [];
      for (const [address, names] of report.dns) entries.push(this.#dns.add(probe, number, address, names));
      said.push({ store: this.#dns as FactStore<unknown>, entries });
    }
    this.#templates.set(probe, report);
    return said;
  }

  /** Lets go of what a probe has not said since its report number `number`. */
  release(said: Said, probe: string, number: number): void {
    for (const { store, entries } of said) for (const entry of entries) store.release(entry, probe, number);
  }

  state(probe: string, { report, metrics, gone, isWhole }: FactsStated): void {
    const stated = this.#statedBy(probe);
    if (isWhole) this.#keepOnly(probe, stated, report);
    for (const [key, { nodes, ...frame }] of report.topologies) {
      const store = this.#nodes.get(key);
      if (store === undefined) continue;
      const ids = idsOf(stated, key);
      for (const [id, node] of nodes) {
        store.state(probe, id, node);
        ids.add(id);
      }
      if (Object.keys(frame).length > 0) stated.frames.set(key, frame);
    }
    for (const [key, { nodes }] of metrics.topologies) {
      const store = this.#nodes.get(key);
      for (const [id, node] of nodes) {
        const known = store?.statedBy(probe, id);
        if (known !== undefined) store?.state(probe, id, { ...known, ...node });
      }
    }
    for (const [key, ids] of gone) {
      for (const id of ids) {
        this.#nodes.get(key)?.drop(probe, id);
        stated.ids.get(key)?.delete(id);
      }
    }
    for (const [address, names] of report.dns) {
      const isNamed = (names.forward?.length ?? 0) + (names.reverse?.length ?? 0) > 0;
      if (isNamed) this.#dns.state(probe, address, names);
      else this.#dns.drop(probe, address);
      if (isNamed) stated.addresses.add(address);
      else stated.addresses.delete(address);
    }
    this.#setFrames(probe, stated, report);
  }

  /** Drops what a probe stated, and what is around the nodes of its reports; the rest of these is let go of one by one. */
  forget(probe: string): void {
    this.forgetStated(probe);
    this.#templates.delete(probe);
  }

  forgetStated(probe: string): void {
    const stated = this.#stated.get(probe);
    if (stated === undefined) return;
    this.#stated.delete(probe);
    for (const [key, ids] of stated.ids) for (const id of ids) this.#nodes.get(key)?.drop(probe, id);
    for (const address of stated.addresses) this.#dns.drop(probe, address);
  }

  /** Brings everything up to date. @returns whether what nodes are called or belong to may have changed */
  settle(): boolean {
    let isRenamed = this.#templatesSeen !== this.#templates.version;
    this.#templatesSeen = this.#templates.version;
    for (const [key, store] of this.#nodes) {
      if (key === 'Process') store.settle(() => undefined);
      else store.settle((_id, node, old) => (isRenamed ||= !isStillCalled(node, old)));
    }
    this.#dns.settle(() => undefined);
    return isRenamed;
  }

  /** As of the last time that everything was brought up to date. */
  settled(): Report {
    return this.#report((store) => store.merged);
  }

  /** The same with the newest times of everything. */
  newest(): Report {
    return this.#report((store) => new Map(store.newest()));
  }

  #report(nodesOf: (store: FactStore<Node>) => ReadonlyMap<string, Node>): Report {
    return this.#templates.fill((key) => {
      const store = this.#nodes.get(key);
      return store === undefined ? new Map<string, Node>() : nodesOf(store);
    }, this.#dns.merged);
  }

  #statedBy(probe: string): Stated {
    let stated = this.#stated.get(probe);
    if (stated === undefined) {
      stated = { ids: new Map(), addresses: new Set(), frames: new Map() };
      this.#stated.set(probe, stated);
    }
    return stated;
  }

  #keepOnly(probe: string, stated: Stated, { topologies, dns }: Report): void {
    for (const [key, ids] of stated.ids) {
      const nodes = topologies.get(key)?.nodes;
      for (const id of ids) {
        if (nodes?.has(id) === true) continue;
        this.#nodes.get(key)?.drop(probe, id);
        ids.delete(id);
      }
    }
    for (const address of stated.addresses) {
      if (dns.has(address)) continue;
      this.#dns.drop(probe, address);
      stated.addresses.delete(address);
    }
    stated.frames.clear();
  }

  #setFrames(probe: string, { frames }: Stated, report: Report): void {
    const topologies = new Map<TopologyKey, Topology>();
    for (const [key, frame] of frames) topologies.set(key, { ...frame, nodes: new Map() });
    this.#templates.set(probe, { ...report, topologies });
  }
}

function idsOf({ ids }: Stated, key: TopologyKey): Set<string> {
  let known = ids.get(key);
  if (known === undefined) ids.set(key, (known = new Set()));
  return known;
}
