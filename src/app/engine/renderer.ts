/**
 * Views of the window's state, made when asked for and kept until the state changes.
 */
import { applyOptions, optionsKey, type View } from '../views/catalogue.js';
import type { ViewGraph } from '../views/graph.js';
import type { Options } from '../views/options.js';
import type { ViewFreshness } from '../options.js';
import type { Snapshot } from '../flows/snapshot.js';
import type { Window } from '../window/window.js';
import { SummaryCache, type TextChange } from './summary-cache.js';

/** What a receiver that has state `since` lacks to have state `seq`. */
export interface ViewChange extends TextChange {
  readonly seq: number;
  /** Forget everything first; all nodes are added. */
  readonly reset: boolean;
}

interface Shown {
  readonly summaries: SummaryCache;
  seq: number;
  /** State of the window that is shown. */
  version: number;
  costMs: number;
}

const NO_CHANGE: TextChange = { added: [], updated: [], removed: [] };

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
    const heldSeq = shown.seq;
    const change = this.#update(shown, view, options);
    if (since !== heldSeq || since < 0)
      return { ...NO_CHANGE, seq: shown.seq, reset: true, added: shown.summaries.texts() };
    return { ...change, seq: shown.seq, reset: false };
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

  #update(shown: Shown, view: View, options: Options): TextChange {
    const version = this.#window.version();
    if (version === shown.version) return NO_CHANGE;
    const now = performance.now();
    const isDear = this.#freshness === 'prompt' && shown.costMs > CHEAP_MS;
    if (isDear && shown.seq >= 0 && now < this.#dearAgainAtMs) return NO_CHANGE;
    const { snapshot, graph } = this.graph(view, options);
    const change = shown.summaries.update(snapshot.report, graph, snapshot.namesVersion);
    shown.version = version;
    const madeAtMs = performance.now();
    shown.costMs = madeAtMs - now;
    if (shown.costMs > CHEAP_MS) this.#dearAgainAtMs = madeAtMs + shown.costMs * (1 / DEAR_SHARE - 1);
    const hasChanged = change.added.length + change.updated.length + change.removed.length > 0;
    if (hasChanged || shown.seq < 0) shown.seq = ++this.#seq;
    return change;
  }

  #recall(key: string): Shown {
    const shown = this.#shown.get(key) ?? {
      summaries: new SummaryCache(),
      seq: -1,
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
