/**
 * One run of ForceAtlas2 over flat arrays, in steps. It knows no worker and no clock: the caller decides how long to go on.
 *
 * A graph that is new is laid out freely. When a few nodes join one that people already look at, only the new ones move,
 * then everything relaxes a little, so slowly that nothing jumps.
 */
// eslint-disable-next-line @typescript-eslint/triple-slash-reference -- an ambient declaration can't be imported, and tests compile this file too
/// <reference path="./forceatlas2-iterate.d.ts" />
import type { ForceAtlas2Settings } from 'graphology-layout-forceatlas2';
import iterate from 'graphology-layout-forceatlas2/iterate.js';

export interface LayoutInput {
  /** x, y of each node. */
  readonly positions: Float32Array;
  /** Index of source and target of each edge. */
  readonly edges: Uint32Array;
  /** True lays everything out; false makes room for the `fresh` ones. */
  readonly whole: boolean;
  /** 1 for each node that has just come. */
  readonly fresh: Uint8Array;
}

/** The package's record of a node: x, y, dx, dy, old dx, old dy, mass, convergence, size, fixed. */
const FLOATS_PER_NODE = 10;
const X = 0;
const Y = 1;
const MASS = 6;
const CONVERGENCE = 7;
const SIZE = 8;
const FIXED = 9;
const FLOATS_PER_EDGE = 3;

/** From this order on the quadtree's approximation pays. */
const BARNES_HUT_FROM = 400;
/** How coarse the approximation is; less is finer and slower. */
const BARNES_HUT_THETA = 0.9;
const JOIN_ITERATIONS = 120;
const RELAX_ITERATIONS = 40;
const RELAX_SLOWDOWN = 25;

interface Phase {
  readonly iterations: number;
  readonly onlyFresh: boolean;
  readonly slowDown: number;
}

export class LayoutRun {
  readonly #nodes: Float32Array;
  readonly #edges: Float32Array;
  readonly #fresh: Uint8Array;
  readonly #settings: Required<ForceAtlas2Settings>;
  readonly #phases: Phase[];
  #done = 0;

  constructor({ positions, edges, whole, fresh }: LayoutInput) {
    const order = fresh.length;
    this.#fresh = fresh;
    this.#nodes = new Float32Array(order * FLOATS_PER_NODE);
    for (let node = 0; node < order; node++) {
      const at = node * FLOATS_PER_NODE;
      this.#nodes[at + X] = positions[node * 2]!;
      this.#nodes[at + Y] = positions[node * 2 + 1]!;
      this.#nodes[at + MASS] = 1;
      this.#nodes[at + CONVERGENCE] = 1;
      this.#nodes[at + SIZE] = 1;
    }
    this.#edges = new Float32Array((edges.length / 2) * FLOATS_PER_EDGE);
    for (let edge = 0; edge < edges.length / 2; edge++) {
      const from = edges[edge * 2]! * FLOATS_PER_NODE;
      const to = edges[edge * 2 + 1]! * FLOATS_PER_NODE;
      this.#edges.set([from, to, 1], edge * FLOATS_PER_EDGE);
      this.#nodes[from + MASS]! += 1;
      this.#nodes[to + MASS]! += 1;
    }
    this.#settings = {
      linLogMode: false,
      outboundAttractionDistribution: false,
      adjustSizes: false,
      edgeWeightInfluence: 0,
      scalingRatio: 12,
      strongGravityMode: true,
      gravity: 0.4,
      slowDown: 1,
      barnesHutOptimize: order >= BARNES_HUT_FROM,
      barnesHutTheta: BARNES_HUT_THETA,
    };
    this.#phases = phasesOf(order, whole, fresh.includes(1));
    this.#enterPhase();
  }

  get finished(): boolean {
    return this.#phases.length === 0;
  }

  /** One iteration. */
  step(): void {
    const phase = this.#phases[0];
    if (phase === undefined) return;
    iterate(this.#settings, this.#nodes, this.#edges);
    this.#done++;
    if (this.#done < phase.iterations) return;
    this.#phases.shift();
    this.#done = 0;
    this.#enterPhase();
  }

  /** A copy of x, y of each node, in the order they came in. */
  positions(): Float32Array {
    const order = this.#fresh.length;
    const positions = new Float32Array(order * 2);
    for (let node = 0; node < order; node++) {
      positions[node * 2] = this.#nodes[node * FLOATS_PER_NODE + X]!;
      positions[node * 2 + 1] = this.#nodes[node * FLOATS_PER_NODE + Y]!;
    }
    return positions;
  }

  #enterPhase(): void {
    const phase = this.#phases[0];
    if (phase === undefined) return;
    this.#settings.slowDown = phase.slowDown;
    for (let node = 0; node < this.#fresh.length; node++) {
      const at = node * FLOATS_PER_NODE;
      this.#nodes[at + FIXED] = phase.onlyFresh && this.#fresh[node] !== 1 ? 1 : 0;
      this.#nodes[at + CONVERGENCE] = 1;
    }
  }
}

/** 600 for what takes milliseconds anyway, fewer the larger it is: 250 for 2,000 nodes, 150 for 5,000. */
function wholeIterations(order: number): number {
  return Math.round(Math.min(600, Math.max(150, 11_180 / Math.sqrt(Math.max(1, order)))));
}

function phasesOf(order: number, whole: boolean, joining: boolean): Phase[] {
  const slowDown = 1 + Math.log(Math.max(1, order));
  if (whole) {
    return [{ iterations: wholeIterations(order), onlyFresh: false, slowDown }];
  }
  const join = { iterations: JOIN_ITERATIONS, onlyFresh: true, slowDown };
  const relax = { iterations: RELAX_ITERATIONS, onlyFresh: false, slowDown: slowDown * RELAX_SLOWDOWN };
  return joining ? [join, relax] : [relax];
}
