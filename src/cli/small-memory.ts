/**
 * Settings for a program that lives for months beside what it watches: little memory counts for more than the last bit
 * of speed. They are given here and not on Node's command line or in the environment, so that they hold however it is
 * started.
 */
import { setFlagsFromString } from 'node:v8';

/** To be called before anything large is loaded. Settles when that may begin. Never rejects. */
export async function keepMemorySmall(): Promise<void> {
  keepYoungGenerationSmall();
  process.on('worker', (worker) => worker.once('online', keepYoungGenerationSmall));
  // The addon bounds what malloc keeps. Where it was not built, the probe says so when it opens its source.
  await import('ebpf-bridge').catch(() => undefined);
}

/**
 * New objects stay in the 1 MiB that V8 starts with: by default that grows to 16 MiB, twice over, in the first busy
 * second, and is given back late. (The size itself can't be set any more once V8 runs.) The factor holds for all
 * threads, and V8 puts it back to 2 whenever it makes the heap of another one.
 */
function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
