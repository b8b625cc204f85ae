/** How busy the whole machine is, from /proc/stat. */
import { readFileSync } from 'node:fs';

/** Of /proc/stat's first line, in its order: user, nice, system, idle, iowait, irq, softirq, steal. */
const IDLE_FIELDS: readonly number[] = [3, 4];
const FIELDS = 8;
const TICKS_PER_SECOND = 100;

export interface MachineTime {
  /** Of all processors, since the start; what a hypervisor took away from them is in it. */
  readonly busySeconds: number;
  readonly seconds: number;
}

export function machineTime(): MachineTime {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1);
  const ticks = line
    .split(/\s+/)
    .slice(1, FIELDS + 1)
    .map(Number);
  const sum = (all: readonly number[]): number =>
    all.reduce((total, each) => total + each, 0) / TICKS_PER_SECOND;
  return { busySeconds: sum(ticks.filter((_, i) => !IDLE_FIELDS.includes(i))), seconds: sum(ticks) };
}
