/** What idle connections cost watchers: shares of a core, without them and with many of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { holdConnections } from './held-connections.js';
import { coreShares } from './process-usage.js';
import type { RunningWatcher, Watcher } from './watchers.js';

/** Until what was new is settled. */
const SETTLE_MS = 15_000;

/** Shares of a core, 1 for a whole one. */
export interface IdleCost {
  readonly without: number;
  readonly with: number;
}

/**
 * Costs of each watcher, in their order. All watch at once, as idle ones hardly disturb each other, and before the connections
 * are opened: all of them know all.
 * @param seconds of each of the two measurements; a sweep over all open files comes every 30 s
 */
export async function measureIdle(
  watchers: readonly Watcher[],
  connections: number,
  seconds: number,
): Promise<IdleCost[]> {
  const running: RunningWatcher[] = [];
  try {
    for (const watcher of watchers) running.push(await watcher.start());
    const pids = running.map(({ pid }) => pid);
    await sleep(SETTLE_MS);
    const without = await coreShares(pids, seconds);
    const held = await holdConnections(connections);
    try {
      await sleep(SETTLE_MS);
      const with_ = await coreShares(pids, seconds);
      return without.map((share, i) => ({ without: share, with: with_[i] ?? NaN }));
    } finally {
      await held.release();
    }
  } finally {
    for (const watcher of running) await watcher.stop();
  }
}
