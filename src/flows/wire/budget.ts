/** What reading one statement has cost so far, against its limits. */
import { StatementError } from './errors.js';
import type { StatementLimits } from './limits.js';

export class Budget {
  #flows = 0;
  #goneFlows = 0;
  #nodes = 0;
  #goneNodes = 0;
  #entries = 0;

  constructor(readonly limits: StatementLimits) {}

  /** @throws StatementError TOO_MANY_FLOWS */
  flow(): void {
    if (++this.#flows > this.limits.maxFlows)
      throw new StatementError('TOO_MANY_FLOWS', `cannot read more than ${this.limits.maxFlows} flows`);
  }

  /** @throws StatementError TOO_MANY_FLOWS */
  goneFlow(): void {
    if (++this.#goneFlows > this.limits.maxFlows)
      throw new StatementError('TOO_MANY_FLOWS', `cannot read more than ${this.limits.maxFlows} gone flows`);
  }

  /** @throws StatementError TOO_MANY_NODES */
  node(): void {
    if (++this.#nodes > this.limits.maxNodes)
      throw new StatementError('TOO_MANY_NODES', `cannot read more than ${this.limits.maxNodes} nodes`);
  }

  /** @throws StatementError TOO_MANY_NODES */
  goneNode(): void {
    if (++this.#goneNodes > this.limits.maxNodes)
      throw new StatementError('TOO_MANY_NODES', `cannot read more than ${this.limits.maxNodes} gone nodes`);
  }

  /** @throws StatementError TOO_MANY_ENTRIES */
  entry(): void {
    if (++this.#entries > this.limits.maxEntries)
      throw new StatementError('TOO_MANY_ENTRIES', `cannot read more than ${this.limits.maxEntries} entries`);
  }

  /** @throws StatementError TOO_DEEP */
  depth(generations: number): void {
    if (generations > this.limits.maxDepth)
      throw new StatementError(
        'TOO_DEEP',
        `cannot read more than ${this.limits.maxDepth} generations of nodes`,
      );
  }
}
