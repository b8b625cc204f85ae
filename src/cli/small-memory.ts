/**
 * Settings for a program that lives for months beside what it watches: little memory counts for more than the last bit
 * of speed. Those of V8 are given by the launcher, bin/topoprobe.
 */

/** Node loads its fetch, and all behind it, when one of these is looked at; axios does, to find out that they are there. */
const LAZY_GLOBALS = ['fetch', 'Request', 'Response', 'Headers', 'FormData', 'WebSocket', 'EventSource'];

/** To be called before anything large is loaded. Settles when that may begin. Never rejects. */
export async function keepMemorySmall(): Promise<void> {
  // Only the addon can bound what malloc keeps. Where it was not built, the probe says so when it opens its source.
  for (const name of LAZY_GLOBALS) Reflect.deleteProperty(globalThis, name);
  await import('ebpf-bridge/memory').then(({ keepMallocSmall }) => keepMallocSmall()).catch(() => undefined);
}

/** When a program has started: modules are read, programs are loaded, and what that took is free. */
const STARTED_AFTER_MS = [5_000, 30_000];

/**
 * Gives back what starting took: code that was read once, the kernel's types that programs were loaded with. V8 would keep it
 * until its heap has grown, which takes hours in a program with little to do.
 * @returns ends it
 */
export function releaseWhenStarted(): () => void {
  const timers = STARTED_AFTER_MS.map((delayMs) => setTimeout(() => void release(), delayMs).unref());
  return () => {
    for (const timer of timers) clearTimeout(timer);
  };
}

/** Never rejects. */
async function release(): Promise<void> {
  // There by the launcher's flag. Of the last resort: only then V8 gives up the memory of what it collects.
  await globalThis.gc?.({ execution: 'async', type: 'major', flavor: 'last-resort' });
  await import('ebpf-bridge/memory')
    .then(({ releaseFreeMemory }) => releaseFreeMemory())
    .catch(() => undefined);
}
