/**
 * Connections that lived when one epoch of a host ended, and that the next one found under another process than they were
 * stated with: it may learn processes late, or know more of them. They are one connection each, and count where the newer
 * epoch has them.
 */
import { Num } from '../../flows/flow.js';
import { placeKey } from './flow-key.js';
import type { HeldFlow } from './held-flow.js';

/** Flows with one client address and one dialled address, whatever their processes. */
interface Place {
  readonly former: Set<HeldFlow>;
  readonly present: Set<HeldFlow>;
}

export class FoundAgain {
  readonly #places = new Map<string, Place>();

  add(flow: HeldFlow, epoch: 'former' | 'present'): void {
    const key = placeKey(flow.definition);
    let place = this.#places.get(key);
    if (place === undefined) this.#places.set(key, (place = { former: new Set(), present: new Set() }));
    place[epoch].add(flow);
  }

  remove(flow: HeldFlow): void {
    const key = placeKey(flow.definition);
    const place = this.#places.get(key);
    if (place === undefined) return;
    place.former.delete(flow);
    place.present.delete(flow);
    if (place.former.size + place.present.size === 0) this.#places.delete(key);
  }

  /** Counts anew where this flow is. @returns flows that count otherwise now */
  settle({ definition }: HeldFlow): HeldFlow[] {
    const place = this.#places.get(placeKey(definition));
    if (place === undefined || place.former.size === 0) return [];
    let found = 0;
    for (const flow of place.present)
      found += Math.max(0, flow.adopted - (flow.predecessor?.state.numbers[Num.Live] ?? 0));
    const changed: HeldFlow[] = [];
    for (const flow of place.former) {
      const { successor } = flow;
      const lived = Math.max(0, flow.state.numbers[Num.Live]! - (successor?.adopted ?? 0));
      const elsewhere = Math.min(lived, found);
      found -= elsewhere;
      if (flow.setElsewhere(elsewhere)) changed.push(flow);
    }
    return changed;
  }
}
