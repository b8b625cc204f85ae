/**
 * Where nodes stood when a view was last shown, so that going back shows the same picture.
 * Bound: VIEWS_MAX views (the one left longest ago goes first), each as large as the store allows.
 */
import type { Point } from '../layout/placement.js';

const VIEWS_MAX = 6;
const NOWHERE: ReadonlyMap<string, Point> = new Map();

export class RememberedPositions {
  readonly #views = new Map<string, ReadonlyMap<string, Point>>();

  remember(topology: string, places: ReadonlyMap<string, Point>): void {
    this.#views.delete(topology);
    this.#views.set(topology, places);
    const oldest = this.#views.keys().next();
    if (this.#views.size > VIEWS_MAX && oldest.done !== true) this.#views.delete(oldest.value);
  }

  of(topology: string): ReadonlyMap<string, Point> {
    return this.#views.get(topology) ?? NOWHERE;
  }
}
