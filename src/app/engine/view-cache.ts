/**
 * Views beside the requests, as the engine last gave them: read at once, and brought up to date on demand by the engine's
 * changes. The last few changes are kept, so that whoever has an earlier state gets what came since.
 */
import { etagOf } from '../etag.js';
import type { Options } from '../views/options.js';
import type { EngineClient } from './client.js';
import type { ViewChange } from './renderer.js';
import { deltaText, graphText } from './view-json.js';

/** Ids that changed from one state to the next. */
interface Step {
  readonly from: number;
  readonly added: readonly string[];
  readonly updated: readonly string[];
  readonly removed: readonly string[];
}

/** Changes kept; whoever is further behind gets everything anew. */
const STEPS_MAX = 16;

export class CachedView {
  readonly #engine: EngineClient;
  readonly #viewId: string;
  readonly #options: Options;
  /** Node id → its summary as JSON; the one place beside the engine where it is. */
  readonly #nodes = new Map<string, string>();
  #seq = -1;
  /** The newest ones, in order. */
  #steps: Step[] = [];
  /** State that somebody has (-1: none) → what brings it up to date. Of the present state only; at most one for each step, and one. */
  readonly #texts = new Map<number, string | undefined>();
  #body: Buffer | undefined;
  #etag: string | undefined;
  #refreshing: Promise<this> | undefined;

  constructor(engine: EngineClient, viewId: string, options: Options) {
    this.#engine = engine;
    this.#viewId = viewId;
    this.#options = options;
  }

  /** Number of the present state; grows with each change. */
  get seq(): number {
    return this.#seq;
  }

  /** `{"nodes":{…}}` */
  get body(): Buffer {
    return (this.#body ??= Buffer.from(graphText(this.#nodes)));
  }

  /** Changes with the body. */
  get etag(): string {
    return (this.#etag ??= etagOf(this.body));
  }

  /** The same view in its newest state; asked for once however many wait for it. @throws AppError */
  refresh(): Promise<this> {
    this.#refreshing ??= this.#ask().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  /** The newest state if it comes within `patienceMs`, else the last one known. @throws AppError when there is none */
  async read(patienceMs: number): Promise<this> {
    const refreshing = this.refresh();
    if (this.#seq < 0) return refreshing;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<this>((resolve) => (timer = setTimeout(() => resolve(this), patienceMs)));
    try {
      return await Promise.race([refreshing, patience]);
    } finally {
      clearTimeout(timer);
      refreshing.catch(() => undefined); // whoever asks next meets the same failure
    }
  }

  /** Text that brings who has state `since` (-1: none) to the present one; undefined when that is the same. */
  textSince(since: number): string | undefined {
    if (since === this.#seq) return undefined;
    // Whoever is too far behind gets what those get who have nothing.
    const from = this.#steps.some((step) => step.from === since) ? since : -1;
    if (!this.#texts.has(from)) this.#texts.set(from, this.#delta(from));
    return this.#texts.get(from);
  }

  #delta(since: number): string | undefined {
    const at = this.#steps.findIndex(({ from }) => from === since);
    if (at < 0) return deltaText({ add: [...this.#nodes.values()], update: [], remove: [], reset: true });
    const { added, updated, removed } = joined(this.#steps.slice(at));
    if (added.length + updated.length + removed.length === 0) return undefined;
    const textsOf = (ids: readonly string[]): string[] => ids.map((id) => this.#nodes.get(id)!);
    return deltaText({ add: textsOf(added), update: textsOf(updated), remove: removed, reset: false });
  }

  async #ask(): Promise<this> {
    this.#take(await this.#engine.call('changeSince', [this.#viewId, this.#options, this.#seq]));
    return this;
  }

  #take({ seq, reset, added, updated, removed }: ViewChange): void {
    if (seq === this.#seq && !reset) return;
    if (reset) {
      this.#nodes.clear();
      this.#steps = [];
    } else {
      this.#steps.push({ from: this.#seq, added: idsOf(added), updated: idsOf(updated), removed });
      if (this.#steps.length > STEPS_MAX) this.#steps.shift();
    }
    for (const id of removed) this.#nodes.delete(id);
    for (const texts of [added, updated]) for (const [id, text] of texts) this.#nodes.set(id, text);
    this.#seq = seq;
    this.#texts.clear();
    this.#body = this.#etag = undefined;
  }
}

function idsOf(texts: readonly (readonly [id: string, text: string])[]): string[] {
  return texts.map(([id]) => id);
}

/** Several steps as one. */
function joined(steps: readonly Step[]): Omit<Step, 'from'> {
  if (steps.length === 1) return steps[0]!;
  const fates = new Map<string, 'added' | 'updated' | 'removed'>();
  for (const { added, updated, removed } of steps) {
    for (const id of added) fates.set(id, fates.get(id) === 'removed' ? 'updated' : 'added');
    for (const id of updated) if (fates.get(id) !== 'added') fates.set(id, 'updated');
    for (const id of removed) {
      if (fates.get(id) === 'added') fates.delete(id);
      else fates.set(id, 'removed');
    }
  }
  const those = (fate: string): string[] => [...fates].filter(([, one]) => one === fate).map(([id]) => id);
  return { added: those('added'), updated: those('updated'), removed: those('removed') };
}

/** Views cached at once; the least recently asked for is let go. */
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
