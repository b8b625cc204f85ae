/**
 * From one epoch of a host to the next: which flow goes on as which, so that what lived at the end of the one and is found
 * by the other counts once.
 */
import { flowKey } from './flow-key.js';
import { FoundAgain } from './found-again.js';
import type { HeldFlow } from './held-flow.js';

export class Handover {
  /** Flows of the former epoch that the present one has not, by what they are. */
  readonly #left = new Map<string, HeldFlow>();
  /** Flows of the present epoch that the former one has not. */
  readonly #new = new Map<string, HeldFlow>();
  readonly #foundAgain = new FoundAgain();

  /** @returns the flow of the present epoch that goes on with it */
  addFormer(flow: HeldFlow): HeldFlow | undefined {
    const key = flowKey(flow.definition);
    flow.end();
    this.#foundAgain.add(flow, 'former');
    const successor = this.#new.get(key);
    if (successor === undefined) this.#left.set(key, flow);
    else {
      this.#new.delete(key);
      successor.follow(flow);
    }
    return successor;
  }

  /** @returns the flow of the former epoch that it goes on with */
  addPresent(flow: HeldFlow): HeldFlow | undefined {
    const key = flowKey(flow.definition);
    this.#foundAgain.add(flow, 'present');
    const predecessor = this.#left.get(key);
    if (predecessor === undefined) this.#new.set(key, flow);
    else {
      this.#left.delete(key);
      flow.follow(predecessor);
    }
    return predecessor;
  }

  /** @returns the flow that went on with it */
  removeFormer(flow: HeldFlow): HeldFlow | undefined {
    const key = flowKey(flow.definition);
    this.#foundAgain.remove(flow);
    if (this.#left.get(key) === flow) this.#left.delete(key);
    const { successor } = flow;
    if (successor === undefined) return undefined;
    successor.follow(undefined);
    this.#new.set(key, successor);
    return successor;
  }

  /** @returns the flow that it went on with */
  removePresent(flow: HeldFlow): HeldFlow | undefined {
    const key = flowKey(flow.definition);
    this.#foundAgain.remove(flow);
    if (this.#new.get(key) === flow) this.#new.delete(key);
    const { predecessor } = flow;
    if (predecessor === undefined) return undefined;
    flow.follow(undefined);
    this.#left.set(key, predecessor);
    return predecessor;
  }

  /** Counts anew what is found again where this flow is. @returns flows that count otherwise now */
  settle(flow: HeldFlow): HeldFlow[] {
    return this.#foundAgain.settle(flow);
  }
}
