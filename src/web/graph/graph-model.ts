/**
 * The store's graph as graphology holds it for drawing: same nodes and edges, with their look and place.
 *
 * Attributes are changed in place, without graphology's events: whoever draws refreshes once after a whole change.
 */
import { MultiDirectedGraph } from 'graphology';
import type { Change, GraphStore } from '../api/store.js';
import { edgeKey } from '../api/store.js';
import { displayName } from '../api/display-name.js';
import type { NodeSummary } from '../api/wire.js';
import { placeNewNodes, type Point } from '../layout/placement.js';
import type { Groups } from './groups.js';
import type { Palette } from './palette.js';

export interface NodeLook {
  x: number;
  y: number;
  size: number;
  color: string;
  /** Pixels of the ring around a node that talks to itself, and of the gap inside it; 0 without. */
  ring: number;
  label: string;
  labelMinor: string;
}

export interface EdgeLook {
  size: number;
  color: string;
  failing: boolean;
  /** Pairs that talk both ways are drawn as two curves. */
  type: 'arrow' | 'curve';
}

export type DrawnGraph = MultiDirectedGraph<NodeLook, EdgeLook>;

const NODE_SIZE_MIN = 7;
const NODE_SIZE_MAX = 22;
const EDGE_SIZE = 1.8;
const RING = 2;
/** Sizes are meant for this many nodes; fewer are drawn larger, more smaller, within bounds. */
const USUAL_ORDER = 90;
const [SCALE_MIN, SCALE_MAX] = [0.4, 1.25];

/** A radius in pixels: 7 without edges, 20 with a hundred. */
const sizeOf = (degree: number): number => Math.min(NODE_SIZE_MAX, NODE_SIZE_MIN + 1.3 * Math.sqrt(degree));

export class GraphModel {
  readonly graph: DrawnGraph = new MultiDirectedGraph<NodeLook, EdgeLook>();
  readonly #store: GraphStore;
  readonly #groups: Groups;
  #palette: Palette;

  constructor(store: GraphStore, groups: Groups, palette: Palette) {
    this.#store = store;
    this.#groups = groups;
    this.#palette = palette;
  }

  /** Takes a change over; `known` are places from when this view was last shown. Returns the ids that were placed anew. */
  apply(change: Change, known: ReadonlyMap<string, Point>): Set<string> {
    const { graph } = this;
    for (const id of change.removed) graph.dropNode(id);
    for (const { key } of change.edgesRemoved) if (graph.hasEdge(key)) graph.dropEdge(key);

    const placed = new Map<string, Point>();
    graph.forEachNode((id, { x, y }) => placed.set(id, { x, y }));
    const fresh: string[] = [];
    for (const { id } of change.added) {
      const point = known.get(id);
      if (point === undefined) fresh.push(id);
      else placed.set(id, point);
    }
    const places = placeNewNodes(fresh, this.#store.edges.values(), placed);
    for (const node of change.added) {
      const { x, y } = placed.get(node.id) ?? places.get(node.id) ?? { x: 0, y: 0 };
      graph.addNode(node.id, { x, y, size: NODE_SIZE_MIN, ring: 0, ...this.#lookOf(node) });
    }
    for (const { key, from, to, failing } of change.edgesAdded) {
      const look = { size: EDGE_SIZE, color: this.#edgeColour(failing), failing, type: 'arrow' as const };
      graph.addEdgeWithKey(key, from, to, look);
    }
    for (const { key, failing } of change.edgesChanged) {
      if (graph.hasEdge(key))
        Object.assign(graph.getEdgeAttributes(key), { failing, color: this.#edgeColour(failing) });
    }
    const recoloured = this.#groups.update(this.#store.nodes.values());
    for (const node of recoloured ? this.#store.nodes.values() : [...change.added, ...change.updated]) {
      Object.assign(graph.getNodeAttributes(node.id), this.#lookOf(node));
    }
    const { added, removed, edgesAdded, edgesRemoved } = change;
    if (added.length + removed.length + edgesAdded.length + edgesRemoved.length > 0) this.#reshape();
    return new Set(fresh);
  }

  setPalette(palette: Palette): void {
    this.#palette = palette;
    const { nodes } = this.#store;
    this.graph.forEachNode((id, look) => {
      look.color = this.#colourOf(nodes.get(id)!);
    });
    this.graph.forEachEdge((_key, look) => {
      look.color = this.#edgeColour(look.failing);
    });
  }

  /** Sizes follow degrees and how crowded it is, curves follow pairs: neither changes with facts alone. */
  #reshape(): void {
    const { graph } = this;
    const scale = Math.min(SCALE_MAX, Math.max(SCALE_MIN, Math.sqrt(USUAL_ORDER / Math.max(1, graph.order))));
    graph.forEachNode((id, look) => {
      look.ring = graph.hasEdge(edgeKey(id, id)) ? RING : 0;
      look.size = scale * sizeOf(graph.degreeWithoutSelfLoops(id)) + 2 * look.ring;
    });
    graph.forEachEdge((_key, look, from, to) => {
      look.size = scale * EDGE_SIZE;
      look.type = graph.hasEdge(edgeKey(to, from)) ? 'curve' : 'arrow';
    });
  }

  #edgeColour(failing: boolean): string {
    return failing ? this.#palette.failing : this.#palette.edge;
  }

  #lookOf(node: NodeSummary): Pick<NodeLook, 'label' | 'labelMinor' | 'color'> {
    return {
      label: displayName(node.label),
      labelMinor: displayName(node.labelMinor),
      color: this.#colourOf(node),
    };
  }

  #colourOf(node: NodeSummary): string {
    const { groups, other, pseudo } = this.#palette;
    if (node.pseudo) return pseudo;
    const slot = this.#groups.slotOf(node);
    return slot === undefined ? other : (groups[slot] ?? other);
  }
}
