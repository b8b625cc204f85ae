/** Runs contestants in turns, so that what else the machine does meets all of them, and compares their medians. */

export interface Contestant {
  readonly name: string;
  readonly run: () => unknown;
}

export interface Timing {
  readonly name: string;
  /** CPU time of one run, milliseconds: user and system, of all threads of this process. */
  readonly medianMs: number;
}

const WARM_UP_ROUNDS = 3;
const ROUNDS = 11;
/** Runs in a row, so that each contestant pays for most of the garbage it makes. */
const REPEATS = 5;

export function sideBySide(contestants: readonly Contestant[]): readonly Timing[] {
  const times = contestants.map((): number[] => []);
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const [i, { run }] of contestants.entries()) {
      const before = process.cpuUsage();
      for (let repeat = 0; repeat < REPEATS; repeat++) run();
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) times[i]!.push((user + system) / 1000 / REPEATS);
    }
  }
  return contestants.map(({ name }, i) => ({ name, medianMs: median(times[i]!) }));
}

/** One line for each: its median, and how many times the first one's it is. */
export function printTimings(timings: readonly Timing[], unit: (medianMs: number) => string): void {
  const base = timings[0]!.medianMs;
  for (const { name, medianMs } of timings) {
    console.log(`${name.padEnd(44)} ${unit(medianMs).padStart(18)}   x ${(medianMs / base).toFixed(2)}`);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
