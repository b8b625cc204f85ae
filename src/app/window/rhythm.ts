/**
 * How often a probe reports, and how long its last word stands: until it is overdue by its own rhythm. Pure.
 *
 * Ours announces its interval. A Scope probe does not, but each of its reports says how long a time it covers, which is the
 * time since the last one; and after two of them the gap between is known.
 */
import type { Report } from '../../report/model/model.js';

export interface Rhythm {
  /** As the probe announced it. */
  readonly announcedMs: number | undefined;
  /** Usual gap between arrivals; undefined after a single one. */
  readonly measuredMs: number | undefined;
  /** What the newest report says it covers; undefined when it does not. */
  readonly coveredMs: number | undefined;
}

/** Missing this many reports in a row is silence. */
const MISSED_REPORTS = 2;
const PATIENCE_MS_MIN = 1_000;
/** A report that was joined of many covers a long time, and says little of the next one. */
const INTERVAL_MS_MAX = 3_600_000;

/** Milliseconds between two reports; undefined when nothing tells. */
export function intervalMsOf({ announcedMs, measuredMs, coveredMs }: Rhythm): number | undefined {
  const told = announcedMs ?? Math.max(measuredMs ?? 0, coveredMs ?? 0);
  return told > 0 ? Math.min(INTERVAL_MS_MAX, told) : undefined;
}

/** How long a probe may be silent without being overdue, milliseconds. */
export function patienceMsOf(rhythm: Rhythm, windowMs: number): number {
  const usual = intervalMsOf(rhythm) ?? windowMs / (2 * MISSED_REPORTS);
  return Math.max(PATIENCE_MS_MIN, usual * MISSED_REPORTS);
}

/** How long after its last word a probe's part of the picture stays: never below the window, and long enough to be seen as stale. */
export function standsMsOf(rhythm: Rhythm, windowMs: number): number {
  return Math.max(windowMs, patienceMsOf(rhythm, windowMs) + windowMs / 2);
}

/** Undefined when the report does not say what time it covers. */
export function coveredMsOf({ windowNanos }: Report): number | undefined {
  return windowNanos === undefined ? undefined : windowNanos / 1e6;
}

/**
 * Whether templates are among what is told of something else than the host: a Scope probe leaves them out of reports that say
 * only what changed since the last whole one.
 */
export function hasTemplates({ topologies }: Report): boolean {
  for (const [key, { metadataTemplates }] of topologies)
    if (key !== 'Host' && (metadataTemplates?.size ?? 0) > 0) return true;
  return false;
}
