/**
 * Scans /proc: the facts of every process, with as few reads as the last scan allows.
 *
 * Each scan reads `stat` of every process. It reads the arguments and the limit of open files of a new or young process
 * (some programs write over their arguments when they start), after an exec, and again every REFRESH_SCANS. It counts
 * the open files of a process that used CPU since the last scan (a process that opens a file runs), and every
 * REFRESH_SCANS. Processes are read in batches: a batch bounds memory, and how long parsing holds the event loop.
 */
import { readdir } from 'node:fs/promises';
import { parseCommandLine, programWords, type ArgumentsPolicy } from './command-line.js';
import { openFilesLimit } from '../descriptors.js';
import { errnoOf } from '../errno.js';
import { ProbeError } from '../errors.js';
import { FormerNames } from './former-names.js';
import { pageBytes } from './proc-constants.js';
import { procFiles, type ProcFiles } from './proc-files.js';
import { programName } from './program-name.js';
import { parseStat, TICK_MS, type ProcessStat } from './stat.js';

export interface ProcessFacts {
  readonly pid: number;
  /** Clock ticks after boot: with the PID, the identity of a process. */
  readonly startTicks: number;
  readonly ppid: number;
  /** The program's; it stays until the process executes another one. */
  readonly name: string;
  /** Empty for kernel threads. */
  readonly cmdline: string;
  readonly threads: number;
  /** Of one core, since the last scan; undefined at a process's first scan. */
  readonly cpuPercent: number | undefined;
  readonly rssBytes: number;
  /** 2^64 when unlimited. */
  readonly rssLimitBytes: number;
  /** Undefined when we may not count them. */
  readonly openFiles: number | undefined;
  readonly openFilesLimit: number;
}

export interface ScanCounters {
  /** Files and folders of processes that were read, over all scans. */
  reads: number;
  /** Processes that ended while being read. */
  vanished: number;
  /** Processes left out because there are more than the bound. */
  skipped: number;
}

export interface ScanOptions {
  readonly procRoot: string;
  readonly arguments: ArgumentsPolicy;
  /** Bound on processes per scan; those with the highest PIDs are left out. */
  readonly maxProcesses: number;
}

/** Staggered by PID, so that no scan reads everything. */
const REFRESH_SCANS = 20;
/** Scans for which a process is young. */
const YOUNG_SCANS = 3;
/** Processes read at once. */
const BATCH = 256;

const NO_WORDS: readonly string[] = [];

interface Remembered {
  stat: ProcessStat;
  name: string;
  /** Needed only until it has its name. */
  words: readonly string[];
  cmdline: string;
  openFiles: number | undefined;
  openFilesLimit: number;
  firstScan: number;
  /** The number of the scan that saw it last. */
  lastScan: number;
}

/** A process in a scan, between its `stat` and the rest. */
interface Seen {
  readonly pid: number;
  readonly folder: string;
  readonly stat: ProcessStat;
  readonly before: Remembered | undefined;
  readonly isNamed: boolean;
  readonly isCounted: boolean;
}

export class ProcessScan {
  readonly counters: ScanCounters = { reads: 0, vanished: 0, skipped: 0 };
  #known = new Map<number, Remembered>();
  readonly formerNames = new FormerNames();
  #scanNumber = 0;
  #scanStartedAt = NaN;
  readonly #pageBytes = pageBytes();
  readonly #files: ProcFiles;

  /** The scan under way. */
  #running: Promise<readonly ProcessFacts[]> | undefined;
  #closed = false;
  /** How long the last scan took, milliseconds. */
  lastScanMs = 0;

  constructor(private readonly options: ScanOptions) {
    this.#files = procFiles(options.procRoot);
  }

  /**
   * The facts of one scan. Callers that come while one is under way share it.
   * @throws ProbeError PROC_UNREADABLE when processes can't even be listed, PROCESS_SCAN_FAILED after close()
   */
  scan(): Promise<readonly ProcessFacts[]> {
    this.#running ??= this.#timedScan().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Waits for the scan under way; later ones are rejected. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running?.catch(() => undefined);
  }

  async #timedScan(): Promise<readonly ProcessFacts[]> {
    if (this.#closed)
      throw new ProbeError('PROCESS_SCAN_FAILED', 'cannot read processes: the reporter is closed');
    const startedAt = performance.now();
    try {
      return await this.#scanAll();
    } catch (cause) {
      if (cause instanceof ProbeError) throw cause;
      throw new ProbeError('PROCESS_SCAN_FAILED', 'cannot read processes', { cause });
    } finally {
      this.lastScanMs = performance.now() - startedAt;
    }
  }

  async #scanAll(): Promise<ProcessFacts[]> {
    const pids = await this.#pids();
    const startedAt = performance.now();
    const elapsedMs = startedAt - this.#scanStartedAt;
    this.#scanStartedAt = startedAt;
    this.#scanNumber++;
    const facts: ProcessFacts[] = [];
    for (let at = 0; at < pids.length; at += BATCH) {
      const batch = pids.slice(at, at + BATCH);
      const found = await this.#readBatch(batch, elapsedMs);
      this.counters.vanished += batch.length - found.length;
      for (const process of found) facts.push(process);
    }
    for (const [pid, { lastScan, name, stat }] of this.#known) {
      if (lastScan === this.#scanNumber) continue;
      this.#known.delete(pid);
      this.formerNames.ended(pid, stat.startTicks, name, startedAt);
    }
    return facts;
  }

  async #pids(): Promise<number[]> {
    let names: string[];
    try {
      names = await readdir(this.options.procRoot);
    } catch (cause) {
      const attempted = `cannot list processes in ${this.options.procRoot} (${errnoOf(cause)})`;
      throw new ProbeError('PROC_UNREADABLE', attempted, { cause });
    }
    if (!names.includes('self') && !names.some((name) => /^\d+$/.test(name))) {
      throw new ProbeError('PROC_UNREADABLE', `cannot list processes: ${this.options.procRoot} is no /proc`);
    }
    const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
    if (pids.length <= this.options.maxProcesses) return pids;
    this.counters.skipped += pids.length - this.options.maxProcesses;
    return pids.sort((a, b) => a - b).slice(0, this.options.maxProcesses);
  }

  async #readBatch(pids: readonly number[], elapsedMs: number): Promise<ProcessFacts[]> {
    const seen = await this.#stats(pids);
    const unnamed = seen.filter(({ isNamed }) => !isNamed);
    const texts = await this.#read(
      unnamed.flatMap(({ folder }) => [`${folder}/cmdline`, `${folder}/limits`]),
    );
    const programs = await this.#programs(unnamed);
    const uncounted = seen.filter(({ isCounted }) => !isCounted);
    const counts = await this.#countOpenFiles(uncounted.map(({ folder }) => `${folder}/fd`));
    let text = 0;
    let count = 0;
    return seen.map(({ pid, stat, before, isNamed, isCounted }) => {
      const known = isNamed ? before : undefined;
      const { words, cmdline, openFilesLimit: limit } = known ?? this.#naming(texts[text++], texts[text++]);
      const name =
        this.#keptName(stat, before) ??
        programName({
          comm: stat.comm,
          executable: programs.get(pid),
          isKernelThread: stat.isKernelThread,
          arguments: words,
        });
      this.formerNames.seen(name);
      const now: Remembered = {
        stat,
        name,
        words: NO_WORDS,
        cmdline,
        openFilesLimit: limit,
        openFiles: before && isCounted ? before.openFiles : counts[count++],
        firstScan: before?.firstScan ?? this.#scanNumber,
        lastScan: this.#scanNumber,
      };
      this.#known.set(pid, now);
      return this.#facts(pid, now, before?.stat, elapsedMs);
    });
  }

  /** Those of the processes that are there still, each with what needs no reading again. */
  async #stats(pids: readonly number[]): Promise<Seen[]> {
    const folders = pids.map((pid) => `${this.options.procRoot}/${pid}`);
    const texts = await this.#read(folders.map((folder) => `${folder}/stat`));
    const seen: Seen[] = [];
    for (const [i, pid] of pids.entries()) {
      const text = texts[i];
      const stat = text && parseStat(text);
      if (!stat) continue;
      const known = this.#known.get(pid);
      const before = known?.stat.startTicks === stat.startTicks ? known : undefined;
      const isDue = (pid + this.#scanNumber) % REFRESH_SCANS === 0;
      const isYoung = before !== undefined && this.#scanNumber - before.firstScan < YOUNG_SCANS;
      const hasRun = before?.stat.cpuTicks !== stat.cpuTicks;
      seen.push({
        pid,
        folder: folders[i] ?? '',
        stat,
        before,
        isNamed: before !== undefined && !isDue && !isYoung && !hasExeced(before.stat, stat),
        isCounted: before !== undefined && !isDue && !hasRun,
      });
    }
    return seen;
  }

  #naming(
    commandLine: Buffer | undefined,
    limits: Buffer | undefined,
  ): Pick<Remembered, 'words' | 'cmdline' | 'openFilesLimit'> {
    const { arguments: policy } = this.options;
    const words = commandLine ? programWords(commandLine, policy) : NO_WORDS;
    const cmdline = commandLine ? parseCommandLine(commandLine, policy).cmdline : '';
    return { words, cmdline, openFilesLimit: limits ? limitAsMetric(limits) : 0 };
  }

  /** Executables of those whose name is not known already. */
  async #programs(unnamed: readonly Seen[]): Promise<ReadonlyMap<number, string | undefined>> {
    const nameless = unnamed.filter(({ stat, before }) => this.#keptName(stat, before) === undefined);
    const links = await this.#files.links(nameless.map(({ folder }) => `${folder}/exe`));
    return new Map(nameless.map(({ pid }, i) => [pid, links[i]]));
  }

  /** Of a process that has executed nothing since it was named, or since its parent, which it is a fork of, was. */
  #keptName(stat: ProcessStat, before: Remembered | undefined): string | undefined {
    if (before !== undefined) return isSameProgram(before.stat, stat) ? before.name : undefined;
    const parent = this.#known.get(stat.ppid);
    return parent !== undefined && stat.stackAt !== 0 && parent.stat.stackAt === stat.stackAt
      ? parent.name
      : undefined;
  }

  #read(paths: readonly string[]): Promise<readonly (Buffer | undefined)[]> {
    this.counters.reads += paths.length;
    return this.#files.read(paths);
  }

  #countOpenFiles(folders: readonly string[]): Promise<readonly (number | undefined)[]> {
    this.counters.reads += folders.length;
    return this.#files.countDescriptors(folders);
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

/** 2^64 (RLIM_INFINITY) for no limit; 0 when the text has none. */
function limitAsMetric(limits: Buffer): number {
  const limit = openFilesLimit(limits.toString('latin1')) ?? 0;
  return limit === Infinity ? 2 ** 64 : limit;
}

/** Threads and titles change a comm; where a stack begins changes with the program only. */
function isSameProgram(before: ProcessStat, now: ProcessStat): boolean {
  if (before.stackAt === 0 || now.stackAt === 0) return !hasExeced(before, now);
  return before.stackAt === now.stackAt;
}

function hasExeced(before: ProcessStat, now: ProcessStat): boolean {
  // What has ended and waits for its parent has no memory any more, and executes nothing.
  if (now.argumentsAt === 0 && now.stackAt === 0 && before.comm === now.comm) return false;
  return before.comm !== now.comm || before.argumentsAt !== now.argumentsAt;
}
