/**
 * The kernel's own account of what BPF programs cost (kernel.bpf_stats_enabled), process by process: what others have
 * loaded meanwhile is not counted. From /proc/PID/fdinfo (bpf_prog_show_fdinfo in kernel/bpf/syscall.c). Needs root.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const STATS = '/proc/sys/kernel/bpf_stats_enabled';

/** A program that a process holds and that some event runs. */
export interface EventProgram {
  /** '' where the kernel does not tell: of the links of perf events, before Linux 6.6. */
  readonly tracepoint: string;
  /** Since it was loaded, as far as account was kept. */
  readonly runNanos: number;
  readonly runs: number;
}

type Fields = ReadonlyMap<string, string>;

/** Of a descriptor; none when it was closed meanwhile. */
function readFields(path: string): Fields {
  try {
    const lines = readFileSync(path, 'utf8').split('\n');
    return new Map(lines.map((line) => line.split(/:\s+/, 2) as [string, string]));
  } catch {
    return new Map();
  }
}

function readDescriptors(pid: number): Fields[] {
  const folder = `/proc/${pid}/fdinfo`;
  return readdirSync(folder).map((fd) => readFields(`${folder}/${fd}`));
}

/** The programs of a process but its iterators, which run when it reads them. @throws when there is no such process */
export function eventPrograms(pid: number): EventProgram[] {
  const all = readDescriptors(pid);
  const links = new Map(
    all.filter((fields) => fields.has('link_type')).map((link) => [link.get('prog_id'), link]),
  );
  const programs = all.filter(
    (fields) => fields.has('prog_type') && links.get(fields.get('prog_id'))?.get('link_type') !== 'iter',
  );
  return programs.map((program) => ({
    tracepoint: links.get(program.get('prog_id'))?.get('tp_name') ?? '',
    runNanos: Number(program.get('run_time_ns')),
    runs: Number(program.get('run_cnt')),
  }));
}

/** Nanoseconds that all of these took. */
export const runNanos = (pid: number): number =>
  eventPrograms(pid).reduce((sum, program) => sum + program.runNanos, 0);

/**
 * Whether a process has attached a program: there is a link. (Those of perf events, which tcplife has, are new in Linux
 * 5.15.) False when there is no such process.
 */
export function isAttached(pid: number): boolean {
  try {
    return readDescriptors(pid).some((fields) => fields.has('link_type'));
  } catch {
    return false;
  }
}

/** The kernel keeps account from now on. Returns how to put it back as it was, which the end of this process does, too. */
export function keepBpfAccount(): () => void {
  const before = readFileSync(STATS, 'utf8');
  writeFileSync(STATS, '1');
  const putBack = (): void => {
    process.off('exit', putBack);
    writeFileSync(STATS, before);
  };
  process.once('exit', putBack);
  return putBack;
}
