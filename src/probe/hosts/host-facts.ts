/** Reads what /proc says of the whole machine. Four small files, read on the thread pool. */
import { readFile } from 'node:fs/promises';
import { HostFactsError } from './errors.js';

export interface HostFacts {
  /** Release and version, as uname(1) prints them. */
  readonly kernelVersion: string;
  readonly uptimeSeconds: number;
  readonly load1: number;
  readonly cpu: CpuTimes;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
}

/** Ticks of all CPUs since boot; only differences mean something. */
export interface CpuTimes {
  readonly busy: number;
  readonly total: number;
  readonly cores: number;
}

/** @throws HostFactsError when a file can't be read or is not of the documented form */
export async function readHostFacts(procRoot: string): Promise<HostFacts> {
  const read = async (path: string): Promise<string> => {
    try {
      return await readFile(`${procRoot}/${path}`, 'utf8');
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new HostFactsError('PROC_UNREADABLE', `cannot read facts of the host: ${reason}`, { cause });
    }
  };
  const [uptime, load, stat, memory, release, version] = await Promise.all(
    ['uptime', 'loadavg', 'stat', 'meminfo', 'sys/kernel/osrelease', 'sys/kernel/version'].map(read),
  );
  return {
    kernelVersion: `${(release ?? '').trim()} ${(version ?? '').trim()}`,
    uptimeSeconds: Math.floor(firstNumber(uptime ?? '', 'uptime')),
    load1: firstNumber(load ?? '', 'loadavg'),
    cpu: parseCpuTimes(stat ?? ''),
    ...parseMemory(memory ?? ''),
  };
}

/** Of all cores: 100 is one core in full. Undefined when no time passed between the two readings. */
export function cpuPercent(before: CpuTimes, after: CpuTimes): number | undefined {
  const total = after.total - before.total;
  if (!(total > 0)) return undefined;
  // A CPU that goes away takes its times with it: never below none, never above all.
  const share = Math.min(1, Math.max(0, (after.busy - before.busy) / total));
  return share * 100 * after.cores;
}

/** The line `cpu  user nice system idle iowait irq softirq steal guest guest_nice`; guest times are within user and nice. */
export function parseCpuTimes(stat: string): CpuTimes {
  const line = /^cpu +(.+)$/m.exec(stat)?.[1];
  const times = (line ?? '').split(' ', 8).map(Number);
  const [user = NaN, nice = NaN, system = NaN, idle = NaN, iowait = 0, irq = 0, softirq = 0, steal = 0] =
    times;
  const busy = user + nice + system + irq + softirq + steal;
  const total = busy + idle + iowait;
  if (Number.isNaN(total)) throw malformed('stat');
  return { busy, total, cores: stat.match(/^cpu\d+ /gm)?.length ?? 1 };
}

/** Used is what can't be had without swapping: total less available. */
function parseMemory(meminfo: string): Pick<HostFacts, 'memoryUsedBytes' | 'memoryTotalBytes'> {
  const bytesOf = (key: string): number =>
    Number(new RegExp(`^${key}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? NaN) * 1024;
  const memoryTotalBytes = bytesOf('MemTotal');
  const memoryUsedBytes = memoryTotalBytes - bytesOf('MemAvailable');
  if (Number.isNaN(memoryUsedBytes)) throw malformed('meminfo');
  return { memoryUsedBytes, memoryTotalBytes };
}

function firstNumber(text: string, file: string): number {
  const number = Number.parseFloat(text);
  if (Number.isNaN(number)) throw malformed(file);
  return number;
}

function malformed(file: string): HostFactsError {
  return new HostFactsError(
    'PROC_MALFORMED',
    `cannot read facts of the host: its ${file} is not of the documented form`,
  );
}
