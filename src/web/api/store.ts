/**
 * The graph of the view that is shown: deltas go in, what changed comes out. No I/O, no DOM.
 *
 * Bounds: NODES_MAX nodes and EDGES_MAX edges are kept; what is beyond is counted in `hiddenNodes` and `hiddenEdges`.
 */
import type { Delta, NodeSummary } from './wire.js';

export const NODES_MAX = 5_000;
export const EDGES_MAX = 20_000;
/** Ids remembered of nodes beyond NODES_MAX, to be able to count them down again. */
const HIDDEN_IDS_MAX = 100_000;

export interface Edge {
  /** `from` and `to`, made one. */
  readonly key: string;
  readonly from: string;
  readonly to: string;
  /** Some connects failed. */
  readonly failing: boolean;
}

export interface Change {
  readonly added: readonly NodeSummary[];
  readonly updated: readonly NodeSummary[];
  readonly removed: readonly string[];
  readonly edgesAdded: readonly Edge[];
  /** Began to fail, or to work. */
  readonly edgesChanged: readonly Edge[];
  readonly edgesRemoved: readonly Edge[];
}

/** NUL can't be part of an id that came from the kernel or a name. */
export const edgeKey = (from: string, to: string): string => `${from}\0${to}`;

export interface StoreLimits {
  readonly nodesMax: number;
  readonly edgesMax: number;
}

export class GraphStore {
  readonly #limits: StoreLimits;
  readonly #nodes = new Map<string, NodeSummary>();
  readonly #hidden = new Set<string>();
  #edges = new Map<string, Edge>();
  #hiddenEdges = 0;

  constructor(limits: StoreLimits = { nodesMax: NODES_MAX, edgesMax: EDGES_MAX }) {
    this.#limits = limits;
  }

  get nodes(): ReadonlyMap<string, NodeSummary> {
    return this.#nodes;
  }

  get edges(): ReadonlyMap<string, Edge> {
    return this.#edges;
  }

  /** Nodes the app has and this page does not keep; saturates at 100,000. */
  get hiddenNodes(): number {
    return this.#hidden.size;
  }

  get hiddenEdges(): number {
    return this.#hiddenEdges;
  }

  /**
   * Takes a delta in. With `replace` (or the delta's own `reset`) it is the whole graph: whatever it does not name is
   * gone, and what it names again unchanged is an update, so that a reconnect moves nothing on the screen.
   */
  apply(delta: Delta, { replace = false } = {}): Change {
    const named = new Map<string, NodeSummary>();
    for (const node of delta.add) named.set(node.id, node);
    for (const node of delta.update) named.set(node.id, node);

    const removed: string[] = [];
    const gone = replace || delta.reset ? [...this.#nodes.keys(), ...this.#hidden] : delta.remove;
    for (const id of gone) {
      // A node that one message removes and adds again has been replaced, not removed.
      if (named.has(id)) continue;
      this.#hidden.delete(id);
      if (this.#nodes.delete(id)) removed.push(id);
    }

    const added: NodeSummary[] = [];
    const updated: NodeSummary[] = [];
    for (const node of named.values()) {
      if (this.#nodes.has(node.id)) updated.push(node);
      else if (this.#nodes.size < this.#limits.nodesMax) added.push(node);
      else {
        if (this.#hidden.size < HIDDEN_IDS_MAX) this.#hidden.add(node.id);
        continue;
      }
      this.#hidden.delete(node.id);
      this.#nodes.set(node.id, node);
    }
    return { added, updated, removed, ...this.#recountEdges() };
  }

  /** Edges follow from the nodes: both ends must be known, whichever came first. */
  #recountEdges(): Pick<Change, 'edgesAdded' | 'edgesChanged' | 'edgesRemoved'> {
    const before = this.#edges;
    const edges = new Map<string, Edge>();
    const edgesAdded: Edge[] = [];
    const edgesChanged: Edge[] = [];
    this.#hiddenEdges = 0;
    for (const [from, { adjacency, failing: failingIds }] of this.#nodes) {
      const failingTo = new Set(failingIds);
      for (const to of adjacency) {
        if (!this.#nodes.has(to)) continue;
        const key = edgeKey(from, to);
        if (edges.has(key)) continue;
        if (edges.size >= this.#limits.edgesMax) {
          this.#hiddenEdges++;
          continue;
        }
        const known = before.get(key);
        const failing = failingTo.has(to);
        const edge = known?.failing === failing ? known : { key, from, to, failing };
        if (known === undefined) edgesAdded.push(edge);
        else if (edge !== known) edgesChanged.push(edge);
        edges.set(key, edge);
      }
    }
    const edgesRemoved = [...before.values()].filter(({ key }) => !edges.has(key));
    this.#edges = edges;
    return { edgesAdded, edgesChanged, edgesRemoved };
  }
}
