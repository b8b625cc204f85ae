/** Slots in the order of their last change: finding changes touches nothing else. */
import { withRoom } from './slot-index.js';

const NONE = -1;

export class Recency {
  #newer = new Int32Array(64);
  #older = new Int32Array(64);
  #newest = NONE;

  /** Adds a slot as the newest. */
  add(slot: number): void {
    this.#newer = withRoom(this.#newer, slot + 1);
    this.#older = withRoom(this.#older, slot + 1);
    this.#newer[slot] = NONE;
    this.#older[slot] = this.#newest;
    if (this.#newest !== NONE) this.#newer[this.#newest] = slot;
    this.#newest = slot;
  }

  remove(slot: number): void {
    const newer = this.#newer[slot]!;
    const older = this.#older[slot]!;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
    if (older !== NONE) this.#newer[older] = newer;
  }

  /** Makes a slot the newest. */
  renew(slot: number): void {
    if (this.#newest === slot) return;
    this.remove(slot);
    this.add(slot);
  }

  /** From the newest on, as long as `isWanted`. */
  take(isWanted: (slot: number) => boolean): number[] {
    const slots: number[] = [];
    for (let slot = this.#newest; slot !== NONE && isWanted(slot); slot = this.#older[slot]!)
      slots.push(slot);
    return slots;
  }
}
