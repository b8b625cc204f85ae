/** Passes over /proc, one at a time. */
import { ProcessFactsError } from './errors.js';
import type { FormerNames } from './former-names.js';
import { ProcessScan, type ProcessFacts, type WalkCounters, type WalkOptions } from './process-scan.js';

export class SharedScan {
  readonly #walk: ProcessScan;
  #pass: Promise<readonly ProcessFacts[]> | undefined;
  #closed = false;
  /** How long the last pass took, milliseconds. */
  lastWalkMs = 0;

  constructor(options: WalkOptions) {
    this.#walk = new ProcessScan(options);
  }

  get formerNames(): FormerNames {
    return this.#walk.formerNames;
  }

  get counters(): Readonly<WalkCounters> {
    return this.#walk.counters;
  }

  /** The facts of one pass. Callers that come while one is under way share it. @throws ProcessFactsError */
  walk(): Promise<readonly ProcessFacts[]> {
    this.#pass ??= this.#run().finally(() => {
      this.#pass = undefined;
    });
    return this.#pass;
  }

  /** Waits for the pass under way; later ones are rejected. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pass?.catch(() => undefined);
  }

  async #run(): Promise<readonly ProcessFacts[]> {
    if (this.#closed)
      throw new ProcessFactsError('WALK_FAILED', 'cannot read processes: the reporter is closed');
    const startedAt = performance.now();
    try {
      return await this.#walk.run();
    } catch (error) {
      if (error instanceof ProcessFactsError) throw error;
      throw new ProcessFactsError('WALK_FAILED', 'cannot read processes', { cause: error });
    } finally {
      this.lastWalkMs = performance.now() - startedAt;
    }
  }
}
