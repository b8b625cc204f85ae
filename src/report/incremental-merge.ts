/**
 * The merge of a set of reports that changes one report at a time, as an app's window does: what arrives or leaves
 * costs its own nodes, not the whole window's.
 *
 * Bound: the reports its owner has added and not removed.
 */
import { canonicalText } from './merge/canonical-text.js';
import { JoinedMap } from './joined-map.js';
import { mergeDnsNames, mergeReports, mergeTopologyHeads, type TopologyHead } from './merge/reports.js';
import { mergeNodes } from './merge/nodes.js';
import {
  TOPOLOGY_KEYS,
  type DnsNames,
  type Node,
  type Report,
  type Topology,
  type TopologyKey,
} from './model/model.js';

export class IncrementalMerge {
  readonly #reports = new Set<Report>();
  readonly #topologies = new Map<TopologyKey, JoinedTopology>();
  readonly #dns = new JoinedMap<DnsNames>(mergeDnsNames);
  #merged: Report | undefined;

  /** How many reports are in. */
  get size(): number {
    return this.#reports.size;
  }

  /** Adding a report that is in already changes nothing. */
  add(report: Report): void {
    if (this.#reports.has(report)) return;
    this.#reports.add(report);
    this.#merged = undefined;
    for (const [key, topology] of report.topologies) {
      let joined = this.#topologies.get(key);
      if (joined === undefined) this.#topologies.set(key, (joined = new JoinedTopology()));
      joined.add(topology);
    }
    this.#dns.add(report.dns);
  }

  /** @returns false when the report was not in */
  remove(report: Report): boolean {
    if (!this.#reports.delete(report)) return false;
    this.#merged = undefined;
    for (const [key, topology] of report.topologies) {
      const joined = this.#topologies.get(key);
      joined?.remove(topology);
      if (joined?.isEmpty === true) this.#topologies.delete(key);
    }
    this.#dns.remove(report.dns);
    return true;
  }

  /**
   * What `mergeReports` gives for the reports that are in: the same object until something changes. Its maps of nodes
   * and names are live, so use it up before the next `add` or `remove`.
   */
  report(): Report {
    if (this.#merged !== undefined) return this.#merged;
    const topologies = new Map<TopologyKey, Topology>();
    for (const key of TOPOLOGY_KEYS) {
      const joined = this.#topologies.get(key);
      if (joined !== undefined) topologies.set(key, joined.topology());
    }
    this.#dns.settle();
    return (this.#merged = { ...this.#mergedHead(), topologies, dns: this.#dns.values });
  }

  /** Everything but topologies and names: a few values of each report. */
  #mergedHead(): Report {
    const nothing = { topologies: new Map<TopologyKey, Topology>(), dns: new Map<string, DnsNames>() };
    return mergeReports([...this.#reports].map((report) => ({ ...report, ...nothing })));
  }
}

/** One topology of all reports. Heads differ seldom, so each different one is kept once, with its number. */
class JoinedTopology {
  readonly #nodes = new JoinedMap<Node>(mergeNodes);
  readonly #heads = new Map<string, { readonly head: TopologyHead; reports: number }>();
  #mergedHead: TopologyHead | undefined;

  get isEmpty(): boolean {
    return this.#heads.size === 0;
  }

  add(topology: Topology): void {
    const { nodes, ...head } = topology;
    const text = canonicalText(head);
    const known = this.#heads.get(text);
    if (known !== undefined) known.reports++;
    else {
      this.#heads.set(text, { head, reports: 1 });
      this.#mergedHead = undefined;
    }
    this.#nodes.add(nodes);
  }

  remove(topology: Topology): void {
    const { nodes, ...head } = topology;
    const text = canonicalText(head);
    const known = this.#heads.get(text);
    if (known !== undefined && --known.reports === 0) {
      this.#heads.delete(text);
      this.#mergedHead = undefined;
    }
    this.#nodes.remove(nodes);
  }

  topology(): Topology {
    this.#nodes.settle();
    this.#mergedHead ??= mergeTopologyHeads([...this.#heads.values()].map(({ head }) => head));
    return { ...this.#mergedHead, nodes: this.#nodes.values };
  }
}
