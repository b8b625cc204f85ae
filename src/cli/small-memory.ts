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
