/**
 * Views as the text that is sent, made once per state of the window and shared by everyone who asks for it.
 */
import { createHash } from 'node:crypto';
import type { Window } from '../window/window.js';
import { applyOptions, optionsKey, type View } from '../views/catalogue.js';
import type { Options } from '../views/options.js';
import type { ViewGraph } from '../views/graph.js';
import type { Scene } from '../views/scene.js';
import { SummaryCache } from './summary-cache.js';
import { graphText } from './text.js';

/** One view under one choice of options, of one state of the window. */
export class Rendered {
  /** Node id → its summary as JSON. */
  readonly nodes: ReadonlyMap<string, string>;
  #body: Buffer | undefined;
  #etag: string | undefined;

  constructor(nodes: ReadonlyMap<string, string>) {
    this.nodes = nodes;
  }

  /** `{"nodes":{…}}` */
  get body(): Buffer {
    return (this.#body ??= Buffer.from(graphText(this.nodes)));
  }

  /** Changes with the body. */
  get etag(): string {
    return (this.#etag ??= `"${createHash('sha1').update(this.body).digest('base64url')}"`);
  }
}

/** Choices of options remembered from one state to the next; the least recently asked for is forgotten. */
const CHOICES_MAX = 64;

export class Renderer {
  readonly #window: Window;
  #version = -1;
  readonly #graphs = new Map<string, ViewGraph>();
  readonly #rendered = new Map<string, Rendered>();
  readonly #summaries = new Map<string, SummaryCache>();

  constructor(window: Window) {
    this.#window = window;
  }

  render(view: View, options: Options): Rendered {
    const { scene, graph, key } = this.#filtered(view, options);
    let rendered = this.#rendered.get(key);
    if (rendered === undefined) {
      rendered = new Rendered(this.#summariesOf(key).wordGraph(scene.report, graph, scene.namesVersion));
      keep(this.#rendered, key, rendered);
    }
    return rendered;
  }

  /** The filtered graph without its text. */
  graph(view: View, options: Options): { readonly scene: Scene; readonly graph: ViewGraph } {
    return this.#filtered(view, options);
  }

  /** A view's own graph, before options. */
  whole(view: View): { readonly scene: Scene; readonly graph: ViewGraph } {
    this.#forgetOld();
    const scene = this.#window.scene();
    let graph = this.#graphs.get(view.id);
    if (graph === undefined) this.#graphs.set(view.id, (graph = view.graph(scene)));
    return { scene, graph };
  }

  #filtered(view: View, options: Options): { scene: Scene; graph: ViewGraph; key: string } {
    const { scene, graph: whole } = this.whole(view);
    const key = `${view.id}?${optionsKey(view, options, scene)}`;
    let graph = this.#graphs.get(key);
    if (graph === undefined) keep(this.#graphs, key, (graph = applyOptions(view, whole, options, scene)));
    return { scene, graph, key };
  }

  #summariesOf(key: string): SummaryCache {
    const summaries = this.#summaries.get(key) ?? new SummaryCache();
    this.#summaries.delete(key);
    keep(this.#summaries, key, summaries);
    return summaries;
  }

  #forgetOld(): void {
    const version = this.#window.version();
    if (version === this.#version) return;
    this.#version = version;
    this.#graphs.clear();
    this.#rendered.clear();
  }
}

/** Adds to a map of at most CHOICES_MAX, letting go of what was put in first. */
function keep<V>(map: Map<string, V>, key: string, value: V): void {
  if (map.size >= CHOICES_MAX && !map.has(key)) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
  map.set(key, value);
}
