/**
 * Loops over a whole batch are cut into stretches: the engine then compiles the function that works on one stretch, which is
 * called often, and uses it from then on. A loop of its own in a function that runs once in a batch is compiled in the
 * middle of that loop, without knowing what comes after it, and thrown away when it gets there.
 */

/** Records, or entries, of one stretch. */
export const CHUNK = 512;

/** Calls `work` for from … to - 1, which together are 0 … count - 1, in order. */
export function inChunks(count: number, work: (from: number, to: number) => void): void {
  for (let from = 0; from < count; from += CHUNK) work(from, Math.min(count, from + CHUNK));
}
