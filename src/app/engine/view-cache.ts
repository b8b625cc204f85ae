/**
 * A view as the engine last told it, held beside the requests: read at once, brought up to date on demand, and by
 * differences only.
 */
import { etagOf } from '../etag.js';
import type { EngineClient } from './client.js';
import type { Options } from '../views/options.js';
import { graphText } from './view-json.js';

/** One state of a view. */
export class ViewState {
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
    return (this.#etag ??= etagOf(this.body));
  }
}

export class CachedView {
  readonly #engine: EngineClient;
  readonly #viewId: string;
  readonly #options: Options;
  #seq = -1;
  #state: ViewState | undefined;
  #refreshing: Promise<ViewState> | undefined;

  constructor(engine: EngineClient, viewId: string, options: Options) {
    this.#engine = engine;
    this.#viewId = viewId;
    this.#options = options;
  }

  /** The newest state; asked for once however many wait for it. @throws AppError */
  refresh(): Promise<ViewState> {
    this.#refreshing ??= this.#ask().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  /** The newest state if it comes within `patienceMs`, else the last one known. @throws AppError when there is none */
  async read(patienceMs: number): Promise<ViewState> {
    const refreshing = this.refresh();
    const known = this.#state;
    if (known === undefined) return refreshing;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<ViewState>(
      (resolve) => (timer = setTimeout(() => resolve(known), patienceMs)),
    );
    try {
      return await Promise.race([refreshing, patience]);
    } finally {
      clearTimeout(timer);
      refreshing.catch(() => undefined); // whoever asks next meets the same failure
    }
  }

  async #ask(): Promise<ViewState> {
    const { seq, reset, changed, removed } = await this.#engine.call('changeSince', [
      this.#viewId,
      this.#options,
      this.#seq,
    ]);
    if (this.#state !== undefined && seq === this.#seq) return this.#state;
    const nodes = new Map(reset ? [] : this.#state?.nodes);
    for (const id of removed) nodes.delete(id);
    for (const [id, text] of changed) nodes.set(id, text);
    this.#seq = seq;
    return (this.#state = new ViewState(nodes));
  }
}

/** Views mirrored at once; the least recently asked for is let go. */
const VIEWS_MAX = 64;

export class ViewCache {
  readonly #engine: EngineClient;
  readonly #views = new Map<string, CachedView>();

  constructor(engine: EngineClient) {
    this.#engine = engine;
  }

  /** @param options only those that the view has */
  of(viewId: string, options: Options): CachedView {
    const key = JSON.stringify([viewId, ...options]);
    const cachedView = this.#views.get(key) ?? new CachedView(this.#engine, viewId, options);
    this.#views.delete(key);
    this.#views.set(key, cachedView);
    if (this.#views.size > VIEWS_MAX) {
      const [oldest] = this.#views.keys();
      if (oldest !== undefined) this.#views.delete(oldest);
    }
    return cachedView;
  }
}
