/**
 * Runs passes over /proc in a worker thread, so that the event loop never waits for them. The thread is started by
 * the first pass and again after it died.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { ProcessFactsError } from './errors.js';
import type { WalkAnswer } from './walk-worker.js';
import type { ProcessFacts, WalkCounters, WalkOptions } from './walk.js';

/** Enough for maxProcesses with long arguments; without bounds a worker takes what the program may take. */
const WORKER_MEMORY = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 4 };

export class Walker {
  #worker: Worker | undefined;
  #pass: Promise<readonly ProcessFacts[]> | undefined;
  #closed = false;
  counters: WalkCounters = { reads: 0, vanished: 0, skipped: 0 };
  /** How long the last pass took, milliseconds. */
  lastWalkMs = 0;
  restarts = 0;

  constructor(private readonly options: WalkOptions) {}

  /** The facts of one pass. Callers that come while one is under way share it. @throws ProcessFactsError */
  walk(): Promise<readonly ProcessFacts[]> {
    this.#pass ??= this.#ask().finally(() => {
      this.#pass = undefined;
    });
    return this.#pass;
  }

  /** Ends the thread; a pass under way is rejected. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker?.terminate();
  }

  async #ask(): Promise<readonly ProcessFacts[]> {
    if (this.#closed)
      throw new ProcessFactsError('WALK_FAILED', 'cannot read processes: the reporter is closed');
    const worker = (this.#worker ??= this.#start());
    const waiting = new AbortController();
    worker.ref();
    try {
      worker.postMessage('walk');
      const [answer] = (await Promise.race([
        once(worker, 'message', { signal: waiting.signal }),
        once(worker, 'exit', { signal: waiting.signal }).then(() => {
          throw new ProcessFactsError(
            'WALK_FAILED',
            'cannot read processes: the thread that reads them ended',
          );
        }),
      ])) as [WalkAnswer];
      if ('error' in answer) throw new ProcessFactsError(answer.error.code, answer.error.attempted);
      this.counters = answer.counters;
      this.lastWalkMs = answer.walkMs;
      return answer.facts;
    } catch (error) {
      if (error instanceof ProcessFactsError) throw error;
      throw new ProcessFactsError('WALK_FAILED', 'cannot read processes', { cause: error });
    } finally {
      waiting.abort();
      worker.unref();
    }
  }

  #start(): Worker {
    const worker = new Worker(new URL('./walk-worker.js', import.meta.url), {
      workerData: this.options,
      resourceLimits: WORKER_MEMORY,
    });
    // A fault rejects the pass under way; without a listener it would end the program.
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
      if (!this.#closed) this.restarts++;
    });
    return worker;
  }
}
