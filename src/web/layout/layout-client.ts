/**
 * The page's side of the layout: asks the worker for places, and moves the shown nodes towards them frame by frame.
 * Idle when everything is in its place, so that a wall screen costs nothing while nothing changes.
 */
import type Graph from 'graphology';
import type { EdgeLook, NodeLook } from '../graph/graph-model.js';
import type { LayoutAnswer, LayoutRequest } from './messages.js';

/** Part of the remaining way a node goes in one frame. */
const EASING = 0.18;
/** Nearer than this, in the layout's unit, a node has arrived. */
const ARRIVED = 0.05;

export interface LayoutClientOptions {
  readonly graph: Graph<NodeLook, EdgeLook>;
  /** Called after nodes have moved. `settled` when the last of them has arrived. */
  readonly onMoved: (settled: boolean) => void;
  readonly reducedMotion: () => boolean;
}

export class LayoutClient {
  readonly #options: LayoutClientOptions;
  readonly #worker = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' });
  #run = 0;
  /** Ids in the order of the request under way. */
  #ids: string[] = [];
  #targets: Float32Array | undefined;
  #finished = true;
  /** Nodes that the run under way makes room for; undefined when it lays out everything. */
  #fresh: ReadonlySet<string> | undefined;
  /** The next answer is shown as it is: there is nothing yet to ease from. */
  #direct = false;
  #frame: number | undefined;

  constructor(options: LayoutClientOptions) {
    this.#options = options;
    this.#worker.onmessage = ({ data }: MessageEvent<LayoutAnswer>) => {
      if (data.run !== this.#run) return;
      this.#targets = data.positions;
      this.#finished = data.finished;
      this.#frame ??= requestAnimationFrame(() => this.#move());
    };
  }

  /**
   * Lays the graph out: as a whole without `joining`, else only making room for those ids. What a run under way had
   * still to do is done with it.
   */
  arrange(joining?: ReadonlySet<string>): void {
    const { graph } = this.#options;
    const fresh =
      joining === undefined || (!this.#finished && this.#fresh === undefined)
        ? undefined
        : this.#finished
          ? joining
          : new Set([...joining, ...(this.#fresh ?? [])]);
    this.#fresh = fresh;
    this.#direct ||= fresh === undefined && this.#ids.length === 0;
    this.#ids = graph.nodes();
    const index = new Map(this.#ids.map((id, at) => [id, at]));
    const positions = new Float32Array(this.#ids.length * 2);
    const freshFlags = new Uint8Array(this.#ids.length);
    this.#ids.forEach((id, at) => {
      const { x, y } = graph.getNodeAttributes(id);
      positions[at * 2] = x;
      positions[at * 2 + 1] = y;
      if (fresh?.has(id) === true) freshFlags[at] = 1;
    });
    const edges: number[] = [];
    graph.forEachEdge((_edge, _look, from, to) => edges.push(index.get(from)!, index.get(to)!));
    this.#run++;
    this.#finished = false;
    this.#targets = undefined;
    const request: LayoutRequest = {
      run: this.#run,
      positions,
      edges: Uint32Array.from(edges),
      whole: fresh === undefined,
      fresh: freshFlags,
    };
    this.#worker.postMessage(request, [positions.buffer, request.edges.buffer, freshFlags.buffer]);
  }

  /** Forgets what is under way; the graph is about to be another one. */
  clear(): void {
    this.#run++;
    this.#ids = [];
    this.#targets = undefined;
    this.#finished = true;
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#frame = undefined;
  }

  #move(): void {
    this.#frame = undefined;
    const targets = this.#targets;
    if (targets === undefined) return;
    const { graph, onMoved, reducedMotion } = this.#options;
    const part = this.#direct || reducedMotion() ? 1 : EASING;
    this.#direct = false;
    let moving = false;
    this.#ids.forEach((id, index) => {
      // A node that has gone meanwhile.
      if (!graph.hasNode(id)) return;
      const look = graph.getNodeAttributes(id);
      const dx = targets[index * 2]! - look.x;
      const dy = targets[index * 2 + 1]! - look.y;
      if (Math.abs(dx) < ARRIVED && Math.abs(dy) < ARRIVED) return;
      if (part < 1) moving = true;
      look.x += dx * part;
      look.y += dy * part;
    });
    const settled = this.#finished && !moving;
    onMoved(settled);
    if (moving) this.#frame = requestAnimationFrame(() => this.#move());
  }
}
