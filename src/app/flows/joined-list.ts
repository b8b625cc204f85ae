/** All joined flows, one after the other, replaced where they change: a change costs what changed, and a copy is one block. */
import type { JoinedFlow } from './joined-flow.js';

/** One flow's place in the list. */
interface Slot {
  index: number;
  flow: JoinedFlow;
}

/** Places of what one thing gave. */
export type Places = undefined | Slot | readonly Slot[];

export class JoinedList {
  readonly #flows: JoinedFlow[] = [];
  readonly #slots: Slot[] = [];

  /** A copy. */
  all(): readonly JoinedFlow[] {
    return this.#flows.slice();
  }

  /** @param before places of what stood there @returns places of what stands there now */
  replace(before: Places, flows: readonly JoinedFlow[]): Places {
    const slots = before === undefined ? [] : 'index' in before ? [before] : before;
    const kept: Slot[] = [];
    flows.forEach((flow, i) => {
      let slot = slots[i];
      if (slot === undefined) {
        slot = { index: this.#flows.length, flow };
        this.#slots.push(slot);
      }
      slot.flow = flow;
      this.#flows[slot.index] = flow;
      kept.push(slot);
    });
    for (const slot of slots.slice(flows.length)) this.#remove(slot);
    return kept.length > 1 ? kept : kept[0];
  }

  /** The last one takes its place. */
  #remove(slot: Slot): void {
    const last = this.#slots.pop()!;
    this.#flows.pop();
    if (last === slot) return;
    last.index = slot.index;
    this.#slots[last.index] = last;
    this.#flows[last.index] = last.flow;
  }
}
