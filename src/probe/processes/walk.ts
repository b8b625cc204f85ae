/**
 * One pass over /proc: the facts of every process, with as few reads as the last pass allows.
 *
 * Each pass reads `stat` of every process. Its arguments and its limit of open files are read when it is new or young
 * (some programs write over their arguments when they start), after an exec, and again every REFRESH_PASSES; its open files are counted when it used CPU since the last pass
 * (who opens a file runs), and every REFRESH_PASSES. Synchronous; runs in a worker thread.
 */
import { readdirSync, statSync } from 'node:fs';
import { parseCommandLine, type ArgumentsPolicy } from './command-line.js';
import { ProcessFactsError } from './errors.js';
import { openFilesLimit } from './open-files-limit.js';
import { pageBytes } from './page-size.js';
import { readProcFile } from './proc-file.js';
import { parseStat, TICK_MS, type ProcessStat } from './stat.js';

export interface ProcessFacts {
  readonly pid: number;
  /** Clock ticks after boot: with the PID, what tells a process from a later one. */
  readonly startTicks: number;
  readonly ppid: number;
  readonly name: string;
  /** Empty for kernel threads. */
  readonly cmdline: string;
  readonly threads: number;
  /** Of one core, since the last pass; undefined at a process's first pass. */
  readonly cpuPercent: number | undefined;
  readonly rssBytes: number;
  /** 2^64 when unlimited. */
  readonly rssLimitBytes: number;
  /** Undefined when we may not count them. */
  readonly openFiles: number | undefined;
  readonly openFilesLimit: number;
}

export interface WalkCounters {
  /** Files and folders of processes that were read, over all passes. */
  reads: number;
  /** Processes that ended while being read. */
  vanished: number;
  /** Processes left out because there are more than the bound. */
  skipped: number;
}

export interface WalkOptions {
  readonly procRoot: string;
  readonly arguments: ArgumentsPolicy;
  /** Bound on processes per pass; those with the highest PIDs are left out. */
  readonly maxProcesses: number;
}

/** Staggered by PID, so that no pass reads everything. */
const REFRESH_PASSES = 20;
/** Passes for which a process is young. */
const YOUNG_PASSES = 3;

interface Remembered {
  stat: ProcessStat;
  name: string;
  cmdline: string;
  openFiles: number | undefined;
  openFilesLimit: number;
  firstPass: number;
  /** The pass that saw it last. */
  pass: number;
}

export class ProcessWalk {
  readonly counters: WalkCounters = { reads: 0, vanished: 0, skipped: 0 };
  #known = new Map<number, Remembered>();
  #pass = 0;
  #passStartedAt = NaN;
  readonly #pageBytes = pageBytes();
  readonly #isCountedByKernel: boolean;

  constructor(private readonly options: WalkOptions) {
    this.#isCountedByKernel = countsOpenFiles(options.procRoot);
  }

  /** @throws ProcessFactsError PROC_UNREADABLE when processes can't even be listed */
  run(): ProcessFacts[] {
    const pids = this.#pids();
    const startedAt = performance.now();
    const elapsedMs = startedAt - this.#passStartedAt;
    this.#passStartedAt = startedAt;
    this.#pass++;
    const facts: ProcessFacts[] = [];
    for (const pid of pids) {
      const process = this.#read(pid, elapsedMs);
      if (process) facts.push(process);
      else this.counters.vanished++;
    }
    for (const [pid, known] of this.#known) if (known.pass !== this.#pass) this.#known.delete(pid);
    return facts;
  }

  #pids(): number[] {
    let names: string[];
    try {
      names = readdirSync(this.options.procRoot);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ProcessFactsError('PROC_UNREADABLE', `cannot list processes: ${reason}`, { cause });
    }
    if (!names.includes('self') && !names.some((name) => /^\d+$/.test(name))) {
      throw new ProcessFactsError(
        'PROC_UNREADABLE',
        `cannot list processes: ${this.options.procRoot} is no /proc`,
      );
    }
    const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
    if (pids.length <= this.options.maxProcesses) return pids;
    this.counters.skipped += pids.length - this.options.maxProcesses;
    return pids.sort((a, b) => a - b).slice(0, this.options.maxProcesses);
  }

  #read(pid: number, elapsedMs: number): ProcessFacts | undefined {
    const folder = `${this.options.procRoot}/${pid}`;
    const bytes = this.#file(`${folder}/stat`);
    const stat = bytes && parseStat(bytes);
    if (!stat) return undefined;
    const known = this.#known.get(pid);
    const before = known?.stat.startTicks === stat.startTicks ? known : undefined;
    const isDue = (pid + this.#pass) % REFRESH_PASSES === 0;
    const isYoung = before !== undefined && this.#pass - before.firstPass < YOUNG_PASSES;
    const isSame = before !== undefined && !isYoung && !hasExeced(before.stat, stat);
    const named = isSame && !isDue ? before : this.#naming(folder, stat);
    const hasRun = before?.stat.cpuTicks !== stat.cpuTicks;
    const now: Remembered = {
      ...named,
      stat,
      openFiles: before && !hasRun && !isDue ? before.openFiles : this.#openFiles(folder),
      firstPass: before?.firstPass ?? this.#pass,
      pass: this.#pass,
    };
    this.#known.set(pid, now);
    return this.#facts(pid, now, before?.stat, elapsedMs);
  }

  #naming(folder: string, stat: ProcessStat): Pick<Remembered, 'name' | 'cmdline' | 'openFilesLimit'> {
    const commandLine = this.#file(`${folder}/cmdline`);
    const { name, cmdline } = commandLine
      ? parseCommandLine(commandLine, this.options.arguments)
      : { name: '', cmdline: '' };
    const limits = this.#file(`${folder}/limits`);
    return {
      name: name === '' ? `[${stat.comm}]` : name,
      cmdline,
      openFilesLimit: limits ? openFilesLimit(limits) : 0,
    };
  }

  #openFiles(folder: string): number | undefined {
    this.counters.reads++;
    try {
      return this.#isCountedByKernel ? statSync(`${folder}/fd`).size : readdirSync(`${folder}/fd`).length;
    } catch {
      return undefined;
    }
  }

  #file(path: string): Buffer | undefined {
    this.counters.reads++;
    return readProcFile(path);
  }

  #facts(pid: number, now: Remembered, before: ProcessStat | undefined, elapsedMs: number): ProcessFacts {
    const { stat } = now;
    const cpuMs = before ? Math.max(0, stat.cpuTicks - before.cpuTicks) * TICK_MS : 0;
    return {
      pid,
      startTicks: stat.startTicks,
      ppid: stat.ppid,
      name: now.name,
      cmdline: now.cmdline,
      threads: stat.threads,
      cpuPercent: before && elapsedMs > 0 ? (cpuMs / elapsedMs) * 100 : undefined,
      rssBytes: stat.rssPages * this.#pageBytes,
      rssLimitBytes: stat.rssLimitBytes,
      openFiles: now.openFiles,
      openFilesLimit: now.openFilesLimit,
    };
  }
}

function hasExeced(before: ProcessStat, now: ProcessStat): boolean {
  return before.comm !== now.comm || before.argumentsAt !== now.argumentsAt;
}

/** Since Linux 6.2 the size of a process's folder of open files is their number; before, it is 0. */
function countsOpenFiles(procRoot: string): boolean {
  try {
    return statSync(`${procRoot}/self/fd`).size > 0;
  } catch {
    return false;
  }
}
