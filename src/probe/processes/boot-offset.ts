/** What a time namespace adds to starts of processes in /proc (time_namespaces(7)): the kernel part tells them without. */
import { readFileSync } from 'node:fs';
import { TICK_MS } from './stat.js';

/** Clock ticks; 0 outside of time namespaces and where there are none. */
export function bootOffsetTicks(): number {
  let text: string;
  try {
    text = readFileSync('/proc/self/timens_offsets', 'utf8');
  } catch {
    return 0; // before Linux 5.6
  }
  const [, seconds, nanos] = /^boottime\s+(-?\d+)\s+(\d+)$/m.exec(text) ?? [];
  if (seconds === undefined || nanos === undefined) return 0;
  return Math.round((Number(seconds) * 1000 + Number(nanos) / 1e6) / TICK_MS);
}
