/**
 * Which nodes share a colour: those of one machine where several machines are shown, else those of one name.
 *
 * A group keeps its slot for as long as the view is open, so that colours don't change under people's eyes.
 * Bound: SLOTS groups have a colour of their own, the others share one.
 */
import type { NodeSummary } from '../api/wire.js';

export type GroupKind = 'host' | 'name';

/** As many as the palette has colours. */
export const SLOTS = 20;

export interface GroupCount {
  readonly name: string;
  /** 0 … SLOTS - 1; undefined for groups that share the last colour. */
  readonly slot: number | undefined;
  readonly nodes: number;
}

export class Groups {
  #kind: GroupKind = 'name';
  #slots = new Map<string, number>();
  #counts = new Map<string, number>();

  get kind(): GroupKind {
    return this.#kind;
  }

  /** Counts the groups anew and hands out free slots, largest group first. Returns whether the kind has changed. */
  update(nodes: Iterable<NodeSummary>): boolean {
    const real = [...nodes].filter(({ pseudo }) => !pseudo);
    const hosts = new Set(real.flatMap((node) => hostOf(node) ?? []));
    const kind = hosts.size > 1 ? 'host' : 'name';
    const changed = kind !== this.#kind;
    this.#kind = kind;
    if (changed) this.#slots = new Map();

    this.#counts = new Map();
    for (const node of real) {
      const name = this.nameOf(node);
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    }
    for (const name of this.#slots.keys()) if (!this.#counts.has(name)) this.#slots.delete(name);
    const taken = new Set(this.#slots.values());
    const free = Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => !taken.has(slot));
    for (const { name, slot } of this.list()) {
      if (slot !== undefined) continue;
      const next = free.shift();
      if (next === undefined) break;
      this.#slots.set(name, next);
    }
    return changed;
  }

  nameOf(node: NodeSummary): string {
    if (this.#kind === 'host') return hostOf(node) ?? 'several';
    return node.rank || node.label;
  }

  slotOf(node: NodeSummary): number | undefined {
    return this.#slots.get(this.nameOf(node));
  }

  /** Largest first. */
  list(): GroupCount[] {
    return Array.from(this.#counts, ([name, nodes]) => ({ name, nodes, slot: this.#slots.get(name) })).sort(
      (a, b) => b.nodes - a.nodes || (a.name < b.name ? -1 : 1),
    );
  }
}

function hostOf(node: NodeSummary): string | undefined {
  return node.parents.find(({ topologyId }) => topologyId === 'hosts')?.label;
}
