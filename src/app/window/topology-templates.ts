/**
 * What reports have around their nodes: shapes, labels and templates. All probes of one kind send the same, so that
 * equal ones are kept once and merged only when a new kind shows up.
 */
import { mergeReports } from '../../report/index.js';
import {
  TOPOLOGY_KEYS,
  type DnsNames,
  type Node,
  type Report,
  type Topology,
  type TopologyKey,
} from '../../report/model/model.js';

interface Frame {
  readonly report: Report;
  readonly probes: Set<string>;
}

const NO_NODES: ReadonlyMap<string, Node> = new Map();

export class TopologyTemplates {
  /** By content; at most one per probe. */
  readonly #frames = new Map<string, Frame>();
  readonly #byProbe = new Map<string, string>();
  #merged: Report | undefined;
  #version = 0;

  /** Changes with what `fill` puts around nodes. */
  get version(): number {
    return this.#version;
  }

  /** Notes the frame of a probe's newest report. */
  set(probe: string, report: Report): void {
    const content = fingerprint(report);
    if (this.#byProbe.get(probe) === content) return;
    this.delete(probe);
    this.#byProbe.set(probe, content);
    const known = this.#frames.get(content);
    if (known !== undefined) {
      known.probes.add(probe);
      return;
    }
    this.#frames.set(content, { report: withoutNodes(report), probes: new Set([probe]) });
    this.#changed();
  }

  delete(probe: string): void {
    const content = this.#byProbe.get(probe);
    if (content === undefined) return;
    this.#byProbe.delete(probe);
    const frame = this.#frames.get(content);
    frame?.probes.delete(probe);
    if (frame?.probes.size !== 0) return;
    this.#frames.delete(content);
    this.#changed();
  }

  /** A report with these nodes and names in the merged frame. */
  fill(nodesOf: (key: TopologyKey) => ReadonlyMap<string, Node>, dns: ReadonlyMap<string, DnsNames>): Report {
    this.#merged ??= mergeReports(Array.from(this.#frames.values(), ({ report }) => report));
    const topologies = new Map<TopologyKey, Topology>();
    for (const key of TOPOLOGY_KEYS) {
      const nodes = nodesOf(key);
      const frame = this.#merged.topologies.get(key);
      if (nodes.size > 0 || frame !== undefined) topologies.set(key, { ...frame, nodes });
    }
    return { ...this.#merged, topologies, dns };
  }

  #changed(): void {
    this.#version++;
    this.#merged = undefined;
  }
}

function withoutNodes(report: Report): Report {
  const topologies = new Map<TopologyKey, Topology>();
  for (const [key, topology] of report.topologies) topologies.set(key, { ...topology, nodes: NO_NODES });
  const { timestamp: _at, windowNanos: _window, shortcut: _shortcut, flows: _flows, ...rest } = report;
  return { ...rest, topologies, dns: new Map() };
}

/** Equal for frames that say the same. */
function fingerprint(report: Report): string {
  const parts = Array.from(report.topologies, ([key, { nodes: _nodes, ...frame }]) => [key, frame] as const);
  parts.sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([parts, report.plugins], (_name, value: unknown) =>
    value instanceof Map ? Array.from(value) : value,
  );
}
