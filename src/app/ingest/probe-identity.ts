/** What the headers of a report or a statement say of the probe that sends it. */
import type { IncomingHttpHeaders } from 'node:http';
import type { ProbeIdentity } from '../window/probe-registry.js';

const TEXT_MAX = 128;
/** A probe that reports less often than once an hour is taken to do so. */
const INTERVAL_MS_MAX = 3_600_000;

/** Nothing in it is believed beyond what it is for: whoever may report can claim anything. */
export function probeOf(headers: IncomingHttpHeaders): ProbeIdentity {
  const interval = text(headers['x-topoprobe-interval']);
  const intervalMs = /^\d{1,12}$/.test(interval) ? Math.min(INTERVAL_MS_MAX, Number(interval)) : 0;
  return {
    id: text(headers['x-scope-probe-id']) || 'anonymous',
    version: text(headers['x-scope-probe-version']),
    ...(intervalMs > 0 && { announcedMs: intervalMs }),
  };
}

function text(header: string | string[] | undefined): string {
  return (Array.isArray(header) ? header[0] : header)?.slice(0, TEXT_MAX) ?? '';
}
