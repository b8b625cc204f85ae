/**
 * How far a probe's clock is off, and its reports put right. The later of two facts wins a merge, so that a clock that
 * runs ahead would have the last word for ever, and one that lags never any.
 */
import type {
  Latest,
  Metric,
  Node,
  Report,
  Timestamp,
  Topology,
  TopologyKey,
} from '../../report/model/model.js';

/** Arrivals remembered: the fastest of them says most, the others waited somewhere. */
const ARRIVALS = 20;
/** Less may be the way here rather than the clock. */
const TOLERATED_MS = 2_000;

export class SkewMeter {
  readonly #samples: number[] = [];

  /** Notes an arrival at `atMs`, by the app's clock; reports without a time tell nothing. */
  note({ timestamp }: Report, atMs: number): void {
    if (timestamp === undefined || timestamp.unixSeconds <= 0) return;
    this.#samples.push(atMs - (timestamp.unixSeconds * 1_000 + timestamp.nanos / 1e6));
    if (this.#samples.length > ARRIVALS) this.#samples.shift();
  }

  /** The app's clock minus the probe's in milliseconds, at the fastest arrival; undefined before any. */
  get skewMs(): number | undefined {
    return this.#samples.length === 0 ? undefined : Math.min(...this.#samples);
  }

  /** What a probe's times are to be moved by; 0 when its clock is right enough. */
  get correctionMs(): number {
    const skewMs = this.skewMs ?? 0;
    return Math.abs(skewMs) > TOLERATED_MS ? Math.round(skewMs) : 0;
  }
}

/**
 * The report with all its times moved by this many milliseconds; the very same for 0.
 * @param except nodes whose times are right already
 */
export function moveTimes(report: Report, byMs: number, except: ReadonlySet<Node> = new Set()): Report {
  if (byMs === 0) return report;
  // Most facts of a report share a few times: each is moved once.
  const moved = new Map<Timestamp, Timestamp>();
  const move = (time: Timestamp): Timestamp => {
    let result = moved.get(time);
    if (result === undefined) moved.set(time, (result = later(time, byMs)));
    return result;
  };
  const topologies = new Map<TopologyKey, Topology>();
  for (const [key, topology] of report.topologies) {
    const nodes = new Map<string, Node>();
    for (const [id, node] of topology.nodes) nodes.set(id, except.has(node) ? node : moveNode(node, move));
    topologies.set(key, { ...topology, nodes });
  }
  return {
    ...report,
    topologies,
    ...(report.timestamp === undefined ? {} : { timestamp: move(report.timestamp) }),
  };
}

function moveNode(node: Node, move: (time: Timestamp) => Timestamp): Node {
  const { latest, metrics, children } = node;
  if (latest === undefined && metrics === undefined && children === undefined) return node;
  return {
    ...node,
    ...(latest === undefined ? {} : { latest: mapValues(latest, (fact) => moveFact(fact, move)) }),
    ...(metrics === undefined ? {} : { metrics: mapValues(metrics, (metric) => moveMetric(metric, move)) }),
    ...(children === undefined ? {} : { children: children.map((child) => moveNode(child, move)) }),
  };
}

function moveFact({ timestamp, value }: Latest, move: (time: Timestamp) => Timestamp): Latest {
  return { timestamp: move(timestamp), value };
}

function moveMetric(metric: Metric, move: (time: Timestamp) => Timestamp): Metric {
  return { ...metric, samples: metric.samples.map(({ date, value }) => ({ date: move(date), value })) };
}

function mapValues<V>(map: ReadonlyMap<string, V>, change: (value: V) => V): Map<string, V> {
  const changed = new Map<string, V>();
  for (const [key, value] of map) changed.set(key, change(value));
  return changed;
}

const NANOS_PER_MS = 1_000_000;

function later({ unixSeconds, nanos, zoneMinutes }: Timestamp, byMs: number): Timestamp {
  const shifted = nanos + (((byMs % 1_000) + 1_000) % 1_000) * NANOS_PER_MS;
  const seconds = unixSeconds + Math.floor(byMs / 1_000);
  return shifted >= 1e9
    ? { unixSeconds: seconds + 1, nanos: shifted - 1e9, zoneMinutes }
    : { unixSeconds: seconds, nanos: shifted, zoneMinutes };
}
