/** Passes over /proc, one at a time. */
import { ProbeError } from '../errors.js';
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

  /** The facts of one pass. Callers that come while one is under way share it. @throws ProbeError */
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
      throw new ProbeError('PROCESS_SCAN_FAILED', 'cannot read processes: the reporter is closed');
    const startedAt = performance.now();
    try {
      return await this.#walk.run();
    } catch (error) {
      if (error instanceof ProbeError) throw error;
      throw new ProbeError('PROCESS_SCAN_FAILED', 'cannot read processes', { cause: error });
    } finally {
      this.lastWalkMs = performance.now() - startedAt;
    }
  }
}
