/**
 * The reporters' facts (processes, hosts, containers …), each node with the state (`seq`) of its last change. A newer time
 * of the same fact is no change.
 */
import type { StatedFacts } from '../../flows/statement.js';
import type { Latest, Metric, Node, Topology, TopologyKey } from '../../report/model/model.js';

/** The most removed nodes that are remembered, with their time. */
const GONE_MAX = 50_000;

interface Fact {
  readonly node: Node;
  readonly seq: number;
  /** The state of the last change other than of metrics. */
  readonly bodySeq: number;
}

interface Book {
  readonly nodes: Map<string, Fact>;
  frame: Omit<Topology, 'nodes'>;
  frameText: string;
  frameSeq: number;
}

export class FactBook {
  readonly #books = new Map<TopologyKey, Book>();
  /** In the order of their removal. */
  #gone: { readonly key: TopologyKey; readonly id: string; readonly seq: number }[] = [];
  #forgottenSeq = 0;
  #newest: ReadonlyMap<TopologyKey, Topology> = new Map();

  /** The latest facts, with their times. */
  get topologies(): ReadonlyMap<TopologyKey, Topology> {
    return this.#newest;
  }

  /** Replaces all facts: missing nodes are removed. */
  update(topologies: ReadonlyMap<TopologyKey, Topology>, seq: number): void {
    this.#newest = topologies;
    for (const [key, topology] of topologies) this.#updateOne(key, topology, seq);
    for (const [key, book] of this.#books)
      if (!topologies.has(key)) for (const id of book.nodes.keys()) this.#remove(key, book, id, seq);
    if (this.#gone.length > GONE_MAX) {
      const forgotten = this.#gone.splice(0, this.#gone.length - GONE_MAX / 2);
      this.#forgottenSeq = forgotten.at(-1)!.seq;
    }
  }

  /** Whether all removals since `base` are remembered. */
  knowsSince(base: number): boolean {
    return base >= this.#forgottenSeq;
  }

  /** The changes after state `base`; 0: all. */
  since(base: number): Map<TopologyKey, StatedFacts> {
    const facts = new Map<TopologyKey, StatedFacts>();
    for (const [key, { nodes, frame, frameSeq }] of this.#books) {
      const changed = new Map<string, Node>();
      const metrics = new Map<string, NonNullable<Node['metrics']>>();
      for (const [id, { node, seq, bodySeq }] of nodes) {
        if (bodySeq > base) changed.set(id, node);
        else if (seq > base) metrics.set(id, node.metrics ?? NO_METRICS);
      }
      const gone = base === 0 ? [] : this.#goneSince(key, base, nodes);
      if (changed.size + metrics.size === 0 && gone.length === 0 && frameSeq <= base) continue;
      facts.set(key, {
        nodes: changed,
        gone,
        ...(metrics.size > 0 && { metrics }),
        ...(frameSeq > base && { frame }),
      });
    }
    return facts;
  }

  #updateOne(key: TopologyKey, { nodes, ...frame }: Topology, seq: number): void {
    let book = this.#books.get(key);
    if (book === undefined)
      this.#books.set(key, (book = { nodes: new Map(), frame, frameText: '', frameSeq: seq }));
    const text = frameTextOf(frame);
    if (text !== book.frameText) [book.frame, book.frameText, book.frameSeq] = [frame, text, seq];
    for (const [id, node] of nodes) {
      const known = book.nodes.get(id);
      if (known === undefined || !isSameBody(known.node, node))
        book.nodes.set(id, { node, seq, bodySeq: seq });
      else if (!isSameMap(known.node.metrics, node.metrics, isSameMetric))
        book.nodes.set(id, { node, seq, bodySeq: known.bodySeq });
    }
    if (book.nodes.size > nodes.size)
      for (const id of book.nodes.keys()) if (!nodes.has(id)) this.#remove(key, book, id, seq);
  }

  #remove(key: TopologyKey, { nodes }: Book, id: string, seq: number): void {
    nodes.delete(id);
    this.#gone.push({ key, id, seq });
  }

  #goneSince(key: TopologyKey, base: number, nodes: ReadonlyMap<string, Fact>): string[] {
    const ids = new Set<string>();
    for (let i = this.#gone.length - 1; i >= 0 && this.#gone[i]!.seq > base; i--) {
      const gone = this.#gone[i]!;
      // A removed node may be back.
      if (gone.key === key && !nodes.has(gone.id)) ids.add(gone.id);
    }
    return [...ids].sort();
  }
}

function frameTextOf(frame: Omit<Topology, 'nodes'>): string {
  return JSON.stringify(frame, (_key, value: unknown) =>
    value instanceof Map ? [...(value as Map<string, unknown>)] : value,
  );
}

const NO_METRICS: NonNullable<Node['metrics']> = new Map();

/** Times and metrics do not count. */
function isSameBody(a: Node, b: Node): boolean {
  return (
    a === b ||
    (isSameMap(a.latest, b.latest, isSameFact) &&
      isSameMap(a.sets, b.sets, isSameList) &&
      isSameMap(a.parents, b.parents, isSameList))
  );
}

function isSameMap<V>(
  a: ReadonlyMap<string, V> | undefined,
  b: ReadonlyMap<string, V> | undefined,
  isSameValue: (a: V, b: V) => boolean,
): boolean {
  if (a === b) return true;
  if ((a?.size ?? 0) !== (b?.size ?? 0)) return false;
  for (const [key, value] of a ?? []) {
    const other = b?.get(key);
    if (other === undefined || !isSameValue(value, other)) return false;
  }
  return true;
}

function isSameFact(a: Latest, b: Latest): boolean {
  return a.value === b.value;
}

/** Readers show only the last sample. */
function isSameMetric(a: Metric, b: Metric): boolean {
  return a.min === b.min && a.max === b.max && a.samples.at(-1)?.value === b.samples.at(-1)?.value;
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((text, i) => text === b[i]));
}
