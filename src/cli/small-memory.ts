/**
 * Settings for a program that lives for months beside what it watches: little memory counts for more than the last bit
 * of speed. They are given here and not on Node's command line or in the environment, so that they hold however it is
 * started.
 */
import { setFlagsFromString } from 'node:v8';

/** Bytes of bytecode that a function runs before it is looked at for optimisation; by default an eighth of it. */
const INTERRUPT_BUDGET = 1_000_000;

/** Each page of the program has its turn every 16 of these. */
const RELEASE_EVERY_MS = 5000;
/** After each page has had two, most of what is left is in use, and a turn comes so many times later. */
const TURNS_AT_THE_START = 32;
const SELDOM = 6;

/** To be called before anything large is loaded. Settles when that may begin. Never rejects. */
export async function keepMemorySmall(): Promise<void> {
  compileWhatLastsOnly();
  keepYoungGenerationSmall();
  process.on('worker', (worker) => worker.once('online', keepYoungGenerationSmall));
  // Only the addon can bound what malloc keeps. Where it was not built, the probe says so when it opens its source.
  await import('ebpf-bridge').then(({ keepMallocSmall }) => keepMallocSmall()).catch(() => undefined);
}

/**
 * Optimised code is made of what ran for a while, not of all that ran in one busy tick: a probe works a few milliseconds
 * every few seconds, and the compiler took more time and memory than what it made gave back.
 */
function compileWhatLastsOnly(): void {
  setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`);
}

/**
 * New objects stay in the 1 MiB that V8 starts with: by default that grows to 16 MiB, twice over, in the first busy
 * second, and is given back late. (The size itself can't be set any more once V8 runs.) The factor holds for all
 * threads, and V8 puts it back to 2 whenever it makes the heap of another one.
 */
function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * From now on until the function it returns is called: pages of Node's code and constants that were not touched for a
 * while do not stay in resident memory, as most of them served the start only. A turn takes 2 ms of a pool thread.
 */
export function releaseUnusedProgramPages(everyMs = RELEASE_EVERY_MS): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const wait = (turn: number): void => {
    if (isStopped) return;
    const ms = turn < TURNS_AT_THE_START ? everyMs : everyMs * SELDOM;
    timer = setTimeout(() => {
      import('ebpf-bridge')
        .then(({ releaseProgramPages }) => releaseProgramPages(turn))
        .then(
          () => {
            wait(turn + 1);
          },
          // Without the addon they stay.
          () => undefined,
        );
    }, ms).unref();
  };
  wait(0);
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
