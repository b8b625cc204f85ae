/**
 * Loads and closes the tracker many times over. Argument: rounds. Prints as JSON what it had before and after: open
 * descriptors, resident memory of its own (bytes; not the program's files), and which of the BPF objects it ever held are left in the kernel. Run with
 * --expose-gc, so that garbage does not count.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { loadOnRung } from '../support/rung.js';
import { heldBy, leftOf } from '../support/bpf-objects.js';

const ROUNDS = Number(process.argv[2]);
/** The first rounds fill caches that stay. */
const WARM_UP = Math.min(100, ROUNDS / 2);

const held = new Set<string>();
const now = (): { descriptors: number; resident: number } => {
  globalThis.gc?.();
  const kib = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
  return { descriptors: readdirSync('/proc/self/fd').length, resident: Number(kib) * 1024 };
};

let before = now();
for (let round = 0; round < ROUNDS; round++) {
  if (round === WARM_UP) before = now();
  const tracker = await loadOnRung();
  await tracker.snapshot();
  for (const object of heldBy('self')) held.add(object);
  await tracker.close();
}
const after = now();
process.stdout.write(`${JSON.stringify({ before, after, held: held.size, left: await leftOf(held) })}\n`);
