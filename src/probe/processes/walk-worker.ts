/** The worker thread that walks /proc: one message asks for one pass, one answers. */
import { parentPort, workerData } from 'node:worker_threads';
import { ProcessFactsError, type ProcessFactsErrorCode } from './errors.js';
import { ProcessWalk, type ProcessFacts, type WalkCounters, type WalkOptions } from './walk.js';

export type WalkAnswer =
  | { readonly facts: readonly ProcessFacts[]; readonly counters: WalkCounters; readonly walkMs: number }
  | { readonly error: { readonly code: ProcessFactsErrorCode; readonly attempted: string } };

const walk = new ProcessWalk(workerData as WalkOptions);

parentPort?.on('message', () => {
  parentPort?.postMessage(answer());
});

function answer(): WalkAnswer {
  const startedAt = performance.now();
  try {
    const facts = walk.run();
    return { facts, counters: walk.counters, walkMs: performance.now() - startedAt };
  } catch (error) {
    const { code, attempted } =
      error instanceof ProcessFactsError
        ? error
        : new ProcessFactsError('WALK_FAILED', `cannot read processes: ${String(error)}`);
    return { error: { code, attempted } };
  }
}
