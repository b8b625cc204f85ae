/** Facts about every process of the host, as Scope's Process topology. */
import type { Timestamp, Topology, TopologyKey } from '../../report/model/model.js';
import type { Reporter } from '../reporter.js';
import type { ArgumentsPolicy } from './command-line.js';
import { bootOffsetTicks, countCores } from './proc-constants.js';
import { ProcessScan } from './process-scan.js';
import { processTopology } from './process-topology.js';

export type { ArgumentsPolicy } from './command-line.js';

export interface ProcessReporterOptions {
  readonly hostName: string;
  /** Where the host's /proc is. Default: `/proc`. */
  readonly procRoot?: string;
  /** What of the arguments may leave the machine. Default: `masked`. */
  readonly arguments?: ArgumentsPolicy;
  /** Bound on processes per report; those with the highest PIDs are left out and counted. Default: 30,000. */
  readonly maxProcesses?: number;
}

export interface ProcessReporter extends Reporter {
  /** `reads`, `vanished`, `skipped` (monotonic); `last_scan_ms`. */
  counters(): Readonly<Record<string, number>>;
  /**
   * Start of the process that had this PID at the last report, in clock ticks after boot; undefined when there was none or
   * the report failed.
   */
  startTicksOf(pid: number): number | undefined;
  /** What a process is called that has ended; by its comm, if it was never seen. @param startTicks as `startTicksOf` */
  formerName(pid: number, startTicks: number | undefined, comm: string): string;
  close(): Promise<void>;
}

/** Its report rejects with ProbeError PROC_UNREADABLE when /proc can't be listed. */
export function createProcessReporter(options: ProcessReporterOptions): ProcessReporter {
  const scan = new ProcessScan({
    procRoot: options.procRoot ?? '/proc',
    arguments: options.arguments ?? 'masked',
    maxProcesses: options.maxProcesses ?? 30_000,
  });
  const cores = countCores(options.procRoot ?? '/proc');
  const starts = new Map<number, number>();
  const offset = bootOffsetTicks();
  return {
    name: 'processes',
    async report(now: Timestamp): Promise<ReadonlyMap<TopologyKey, Topology>> {
      starts.clear();
      const processes = await scan.scan();
      for (const { pid, startTicks } of processes) starts.set(pid, startTicks - offset);
      return new Map([['Process', processTopology(processes, options.hostName, cores, now, offset)]]);
    },
    startTicksOf: (pid) => starts.get(pid),
    formerName: (pid, startTicks, comm) =>
      scan.formerNames.nameOf(pid, startTicks === undefined ? undefined : startTicks + offset, comm),
    counters: () => ({
      ...scan.counters,
      last_scan_ms: scan.lastScanMs,
    }),
    close: () => scan.close(),
  };
}
