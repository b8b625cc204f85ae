/**
 * Reads facts of the whole machine from /proc: a few small files, on the thread pool. A missing file (containers and
 * `mount -o subset=pid` hide some) takes its own facts away, and no others.
 */
import { readFile } from 'node:fs/promises';
import { release, version } from 'node:os';
import { errnoOf } from '../errno.js';
import { ProbeError } from '../errors.js';

export interface HostFacts {
  /** Release and version, as uname(1) prints them. */
  readonly kernelVersion: string;
  readonly uptimeSeconds: number | undefined;
  readonly load1: number | undefined;
  readonly cpu: CpuTimes | undefined;
  readonly memory: MemoryUse | undefined;
}

/** Ticks of all CPUs since boot; only differences mean something. */
export interface CpuTimes {
  readonly busy: number;
  readonly total: number;
  readonly cores: number;
}

export interface MemoryUse {
  readonly usedBytes: number;
  readonly totalBytes: number;
}

export interface HostReading {
  readonly facts: HostFacts;
  /** Why the facts that are undefined are. */
  readonly lacks: readonly ProbeError[];
}

/** Never rejects for what can't be read or is not of the documented form. */
export async function readHostFacts(procRoot: string): Promise<HostReading> {
  const lacks: ProbeError[] = [];
  const read = async <Fact>(file: string, parse: (text: string) => Fact): Promise<Fact | undefined> => {
    try {
      return parse(await textOf(`${procRoot}/${file}`));
    } catch (error) {
      if (!(error instanceof ProbeError)) throw error;
      lacks.push(error);
      return undefined;
    }
  };
  const [uptime, load1, cpu, memory, kernelVersion] = await Promise.all([
    read('uptime', (text) => firstNumber(text, 'uptime')),
    read('loadavg', (text) => firstNumber(text, 'loadavg')),
    read('stat', parseCpuTimes),
    read('meminfo', parseMemory),
    readKernelVersion(procRoot),
  ]);
  const uptimeSeconds = uptime === undefined ? undefined : Math.floor(uptime);
  return { facts: { kernelVersion, uptimeSeconds, load1, cpu, memory }, lacks };
}

/** @throws ProbeError PROC_UNREADABLE */
async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new ProbeError('PROC_UNREADABLE', `cannot read ${path} (${errnoOf(cause)})`, { cause });
  }
}

/** The system call stands in where /proc/sys is hidden: the kernel is the same, whatever root /proc has. */
async function readKernelVersion(procRoot: string): Promise<string> {
  const read = async (file: string, byCall: string): Promise<string> => {
    const text = await readFile(`${procRoot}/sys/kernel/${file}`, 'utf8').catch(() => '');
    return text.trim() === '' ? byCall : text.trim();
  };
  return (await Promise.all([read('osrelease', release()), read('version', version())])).join(' ');
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
function parseMemory(meminfo: string): MemoryUse {
  const bytesOf = (key: string): number =>
    Number(new RegExp(`^${key}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? NaN) * 1024;
  const totalBytes = bytesOf('MemTotal');
  const usedBytes = totalBytes - bytesOf('MemAvailable');
  if (Number.isNaN(usedBytes)) throw malformed('meminfo');
  return { usedBytes, totalBytes };
}

function firstNumber(text: string, file: string): number {
  const number = Number.parseFloat(text);
  if (Number.isNaN(number)) throw malformed(file);
  return number;
}

function malformed(file: string): ProbeError {
  return new ProbeError(
    'PROC_MALFORMED',
    `cannot read facts of the host: its ${file} is not of the documented form`,
  );
}
