/**
 * Views of the window's state, made when asked for and kept until the state changes.
 */
import { applyOptions, optionsKey, type View } from '../views/catalogue.js';
import type { ViewGraph } from '../views/graph.js';
import type { Options } from '../views/options.js';
import type { ViewFreshness } from '../options.js';
import type { Snapshot } from '../flows/snapshot.js';
import type { Window } from '../window/window.js';
import { SummaryCache } from './summary-cache.js';

/** What a receiver that has state `since` lacks to have state `seq`. */
export interface ViewChange {
  readonly seq: number;
  /** Forget everything first. */
  readonly reset: boolean;
  /** Node id and its summary as JSON. */
  readonly changed: readonly (readonly [id: string, summary: string])[];
  readonly removed: readonly string[];
}

interface Shown {
  readonly summaries: SummaryCache;
  seq: number;
  nodes: ReadonlyMap<string, string>;
  /** State of the window that `nodes` show. */
  version: number;
  costMs: number;
}

/** Choices of options remembered from one state to the next; the least recently asked for is forgotten. */
const CHOICES_MAX = 64;
/** A view that is cheap to make is always made from the newest state … */
const CHEAP_MS = 20;
/** … dear ones together at most in this share of the time, so that reports are not kept waiting. */
const DEAR_SHARE = 1 / 3;

export class Renderer {
  readonly #window: Window;
  readonly #freshness: ViewFreshness;
  #version = -1;
  readonly #graphs = new Map<string, ViewGraph>();
  readonly #shown = new Map<string, Shown>();
  #seq = 0;
  /** When a dear view may be made again. */
  #dearAgainAtMs = 0;

  constructor(window: Window, freshness: ViewFreshness) {
    this.#window = window;
    this.#freshness = freshness;
  }

  /** The difference to what the receiver had at `since` (-1: nothing). */
  changeSince(view: View, options: Options, since: number): ViewChange {
    const key = `${view.id}?${Array.from(options, ([id, value]) => `${id}=${value}`).join('&')}`;
    const shown = this.#recall(key);
    const before = shown.nodes;
    const heldSeq = shown.seq;
    this.#update(shown, view, options);
    if (since !== heldSeq || since < 0)
      return { seq: shown.seq, reset: true, changed: Array.from(shown.nodes), removed: [] };
    if (shown.seq === heldSeq) return { seq: heldSeq, reset: false, changed: [], removed: [] };
    const changed: [string, string][] = [];
    for (const [id, text] of shown.nodes) if (before.get(id) !== text) changed.push([id, text]);
    const removed: string[] = [];
    for (const id of before.keys()) if (!shown.nodes.has(id)) removed.push(id);
    return { seq: shown.seq, reset: false, changed, removed };
  }

  /** The filtered graph. */
  graph(view: View, options: Options): { readonly snapshot: Snapshot; readonly graph: ViewGraph } {
    const { snapshot, graph: whole } = this.whole(view);
    const key = `${view.id}?${optionsKey(view, options, snapshot)}`;
    let graph = this.#graphs.get(key);
    if (graph === undefined) {
      graph = applyOptions(view, whole, options, snapshot);
      if (this.#graphs.size < CHOICES_MAX) this.#graphs.set(key, graph);
    }
    return { snapshot, graph };
  }

  /** A view's own graph, before options. */
  whole(view: View): { readonly snapshot: Snapshot; readonly graph: ViewGraph } {
    this.#forgetOld();
    const snapshot = this.#window.snapshot();
    let graph = this.#graphs.get(view.id);
    if (graph === undefined) this.#graphs.set(view.id, (graph = view.graph(snapshot)));
    return { snapshot, graph };
  }

  #update(shown: Shown, view: View, options: Options): void {
    const version = this.#window.version();
    if (version === shown.version) return;
    const now = performance.now();
    const isDear = this.#freshness === 'prompt' && shown.costMs > CHEAP_MS;
    if (isDear && shown.seq >= 0 && now < this.#dearAgainAtMs) return;
    const { snapshot, graph } = this.graph(view, options);
    const nodes = shown.summaries.wordGraph(snapshot.report, graph, snapshot.namesVersion);
    shown.version = version;
    const madeAtMs = performance.now();
    shown.costMs = madeAtMs - now;
    if (shown.costMs > CHEAP_MS) this.#dearAgainAtMs = madeAtMs + shown.costMs * (1 / DEAR_SHARE - 1);
    if (shown.seq >= 0 && sameTexts(shown.nodes, nodes)) return;
    shown.nodes = nodes;
    shown.seq = ++this.#seq;
  }

  #recall(key: string): Shown {
    const shown = this.#shown.get(key) ?? {
      summaries: new SummaryCache(),
      seq: -1,
      nodes: new Map<string, string>(),
      version: -1,
      costMs: 0,
    };
    this.#shown.delete(key);
    this.#shown.set(key, shown);
    if (this.#shown.size > CHOICES_MAX) {
      const [oldest] = this.#shown.keys();
      if (oldest !== undefined) this.#shown.delete(oldest);
    }
    return shown;
  }

  #forgetOld(): void {
    const version = this.#window.version();
    if (version === this.#version) return;
    this.#version = version;
    this.#graphs.clear();
  }
}

function sameTexts(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (a.size !== b.size) return false;
  for (const [id, text] of a) if (b.get(id) !== text) return false;
  return true;
}
