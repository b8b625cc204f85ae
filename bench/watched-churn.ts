/**
 * What watching a churn of short connections costs: watchers in turns, each between two churns that nobody watches, and
 * so on for some rounds. A watcher runs for months: each is measured after it has watched for a while, so that what its
 * start costs (in which Node compiles) is not counted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { keepBpfAccount, runNanos } from './bpf-stats.js';
import { churn, type Churn } from './churn-process.js';
import { machineTime } from './machine-load.js';
import { median } from './median.js';
import { anonymousMib, cpuSeconds } from './process-usage.js';
import type { RunningWatcher, Watcher } from './watchers.js';

/** Between two reports of a probe: what a churn left to do is done after it. */
const TICK_MS = 3000;
const IDLE_TICKS = 2;
const PER = 100_000;
/** Connections per second: all of a tick have a record, and no program lacks processor time. */
const PACE = 20_000;

/** Of one round. */
export interface WatchedChurn {
  /** Share of the churn's rate that is lost, beside the mean of the churns before and after. */
  readonly slowedBy: number;
  /** Share by which the churn's own CPU per connection grows: other programs of the machine disturb it less. */
  readonly dearerBy: number;
  /** Of the watching process, above its own idle level, seconds; at 20,000 connections per second. */
  readonly cpuPer100k: number;
  /** Of the watcher's programs on tracepoints, by the kernel's account, which is kept in a churn of its own. */
  readonly kernelNanosPerEnd: number;
  /** Resident memory after it, MiB. */
  readonly anonymousMib: number;
}

export interface TurnsOptions {
  readonly rounds: number;
  /** Of each churn. */
  readonly seconds: number;
}

export interface Turns {
  /** A list for each watcher, in their order: of all rounds. */
  readonly results: readonly (readonly WatchedChurn[])[];
  /** Share of all processors that other programs took while nobody watched: what makes all figures doubtful. Median. */
  readonly othersShare: number;
}

/** @throws what starting a watcher throws */
export async function watchInTurns(
  watchers: readonly Watcher[],
  { rounds, seconds }: TurnsOptions,
): Promise<Turns> {
  const results = watchers.map((): WatchedChurn[] => []);
  let before = await churnAlone(seconds);
  const shares = [before.othersShare];
  for (let round = 0; round < rounds; round++) {
    for (const [i, watcher] of watchers.entries()) {
      const { watched, ...costs } = await watchOnce(watcher, seconds);
      const after = await churnAlone(seconds);
      shares.push(after.othersShare);
      results[i]?.push({ ...costs, ...comparedWith(before, after, watched) });
      before = after;
    }
  }
  return { results, othersShare: median(shares) };
}

async function churnAlone(seconds: number): Promise<Churn & Pick<Turns, 'othersShare'>> {
  const from = machineTime();
  const made = await churn(seconds);
  const to = machineTime();
  const others = to.busySeconds - from.busySeconds - made.cpuSeconds;
  return { ...made, othersShare: others / (to.seconds - from.seconds) };
}

type Comparison = Pick<WatchedChurn, 'slowedBy' | 'dearerBy'>;
type Costs = Omit<WatchedChurn, keyof Comparison> & { readonly watched: Churn };

function comparedWith(before: Churn, after: Churn, watched: Churn): Comparison {
  const each = ({ cpuSeconds, connections }: Churn): number => cpuSeconds / connections;
  return {
    slowedBy: 1 - watched.perSecond / ((before.perSecond + after.perSecond) / 2),
    dearerBy: each(watched) / ((each(before) + each(after)) / 2) - 1,
  };
}

async function watchOnce(watcher: Watcher, seconds: number): Promise<Costs> {
  const running = await watcher.start();
  try {
    const kernelNanosPerEnd = await kernelTime(running, seconds); // a warm-up, too
    await sleep(TICK_MS);
    const cpuPer100k = await processTime(running, seconds);
    const watched = await churn(seconds);
    return { kernelNanosPerEnd, cpuPer100k, watched, anonymousMib: anonymousMib(running.pid) };
  } finally {
    await running.stop();
  }
}

async function kernelTime({ pid }: RunningWatcher, seconds: number): Promise<number> {
  const forgetAccount = keepBpfAccount();
  try {
    const from = runNanos(pid);
    const { connections } = await churn(seconds);
    return (runNanos(pid) - from) / (connections * 2);
  } finally {
    forgetAccount();
  }
}

async function processTime({ pid }: RunningWatcher, seconds: number): Promise<number> {
  const idleFrom = { at: performance.now(), cpu: cpuSeconds(pid) };
  await sleep(TICK_MS * IDLE_TICKS);
  const from = { at: performance.now(), cpu: cpuSeconds(pid) };
  const { connections } = await churn(seconds, PACE);
  await sleep(TICK_MS); // the tick that reports its last connections
  const to = { at: performance.now(), cpu: cpuSeconds(pid) };
  const idle = ((from.cpu - idleFrom.cpu) / (from.at - idleFrom.at)) * (to.at - from.at);
  return ((to.cpu - from.cpu - idle) / connections) * PER;
}
