/**
 * Settings for a program that lives for months beside what it watches: little memory counts for more than the last bit
 * of speed. They are given here and not on Node's command line or in the environment, so that they hold however it is
 * started.
 */
import { setFlagsFromString } from 'node:v8';

/** To be called before anything large is loaded. Settles when that may begin. Never rejects. */
export async function keepMemorySmall(): Promise<void> {
  // New objects stay in the 1 MiB that V8 starts with. By default that grows to 16 MiB, up to three times over, in the
  // first busy second, and is given back late or never.
  setFlagsFromString('--semi-space-growth-factor=1');
  // The addon bounds what malloc keeps. Where it was not built, the probe says so when it opens its source.
  await import('ebpf-bridge').catch(() => undefined);
}
