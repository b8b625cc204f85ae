/**
 * Whether the probe lives, and whether it does its work. Pure.
 *
 * An app that is away makes a probe neither dead nor unready: it merges reports until the app is back, and restarting
 * it would lose them. The apps' states are reported, not judged.
 */
import type { AppSeen } from './observed.js';
import type { Ticks } from './ticks.js';

export interface Health {
  readonly isGood: boolean;
  readonly status: string;
}

/** No interval is so short that a slow machine must look dead. */
const STILL_MS_MIN = 30_000;
const STILL_INTERVALS = 10;

/** Alive: ticks begin and end. */
export function liveness(ticks: Ticks, intervalMs: number): Health {
  const isGood = ticks.stillForMs() <= Math.max(STILL_MS_MIN, STILL_INTERVALS * intervalMs);
  return { isGood, status: isGood ? 'alive' : 'no tick has ended for long' };
}

/** Ready: alive, and the last tick made a report. */
export function readiness(ticks: Ticks, intervalMs: number): Health {
  const alive = liveness(ticks, intervalMs);
  if (!alive.isGood) return alive;
  switch (ticks.lastResult) {
    case 'none':
      return { isGood: false, status: 'no report has been made yet' };
    case 'failed':
      return { isGood: false, status: 'the last tick made no report' };
    case 'made':
      return { isGood: true, status: 'ready' };
  }
}

export function appStates(apps: readonly AppSeen[]): readonly { app: string; state: string }[] {
  return apps.map(({ description, state }) => ({ app: description, state }));
}
