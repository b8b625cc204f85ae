/** The kernel's own account of what BPF programs cost (kernel.bpf_stats_enabled). Needs root and bpftool. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

/** The tracker's programs that run per event; the others run once per tick or less. */
export const EVENT_PROGRAMS: readonly string[] = ['on_tcp_state', 'on_destroy', 'on_read'];

const STATS = '/proc/sys/kernel/bpf_stats_enabled';

export interface ProgramStats {
  readonly id: number;
  readonly name?: string;
  readonly run_time_ns?: number;
  readonly run_cnt?: number;
}

export const bpfPrograms = (): ProgramStats[] =>
  JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'show'], { encoding: 'utf8' })) as ProgramStats[];

/** The kernel keeps account from now on. Returns how to put it back as it was. */
export function keepBpfAccount(): () => void {
  const before = readFileSync(STATS, 'utf8');
  writeFileSync(STATS, '1');
  return () => {
    writeFileSync(STATS, before);
  };
}
