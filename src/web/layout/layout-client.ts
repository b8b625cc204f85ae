/**
 * The page's side of the layout: asks the worker for places, and moves the shown nodes towards them frame by frame.
 * Idle when everything is in its place, so that a wall screen costs nothing while nothing changes.
 */
import type Graph from 'graphology';
import type { EdgeLook, NodeLook } from '../graph/graph-model.js';
import type { LayoutAnswer, LayoutRequest } from './layout-messages.js';

/** Screens are wide and so are labels: the layout is round, and shown this much wider. */
const WIDTH_STRETCH = 1.45;
/** In this time a node goes about two thirds of its remaining way, however slow the frames are. */
const EASING_MS = 140;
/** Nearer than this, in the layout's unit, a node has arrived. */
const ARRIVED = 0.2;
/** What a frame is taken to have lasted when there was none before it. */
const FRAME_MS = 16;

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
  /** When nodes were last moved; undefined at rest. */
  #movedMs: number | undefined;

  constructor(options: LayoutClientOptions) {
    this.#options = options;
    this.#worker.onmessage = ({ data }: MessageEvent<LayoutAnswer>) => {
      if (data.run !== this.#run) return;
      this.#targets = data.positions;
      this.#finished = data.finished;
      this.#requestMove();
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
      positions[at * 2] = x / WIDTH_STRETCH;
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

  #requestMove(): void {
    this.#frame ??= requestAnimationFrame((nowMs) => {
      this.#frame = undefined;
      this.#move(nowMs);
    });
  }

  #move(nowMs: number): void {
    const elapsedMs = nowMs - (this.#movedMs ?? nowMs - FRAME_MS);
    this.#movedMs = nowMs;
    const targets = this.#targets;
    if (targets === undefined) return;
    const { graph, onMoved, reducedMotion } = this.#options;
    const part = this.#direct || reducedMotion() ? 1 : 1 - Math.exp(-elapsedMs / EASING_MS);
    this.#direct = false;
    let moving = false;
    for (const [index, id] of this.#ids.entries()) {
      // A node that has gone meanwhile.
      if (!graph.hasNode(id)) continue;
      const look = graph.getNodeAttributes(id);
      const dx = targets[index * 2]! * WIDTH_STRETCH - look.x;
      const dy = targets[index * 2 + 1]! - look.y;
      if (Math.abs(dx) < ARRIVED && Math.abs(dy) < ARRIVED) continue;
      moving ||= part < 1;
      look.x += dx * part;
      look.y += dy * part;
    }
    onMoved(this.#finished && !moving);
    if (moving) this.#requestMove();
    else this.#movedMs = undefined;
  }
}
