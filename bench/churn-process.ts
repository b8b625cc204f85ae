/**
 * Short connections as load: as many as the machine makes, by programs of their own that count them. There is one for each
 * processor, and it stays there: left to the scheduler, client and server meet on one processor or wake each other
 * across two, which takes three times as long, and which of both a run gets is chance. Each has a network namespace in
 * which hardly any connection that is over keeps its port, in TIME_WAIT: else the search for a free one takes most of the
 * time until there are as many of them as the kernel keeps, and again a minute later, when they go. Needs root.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MOST_IN_TIME_WAIT = 100;
const CHURN = fileURLToPath(new URL('../churn', import.meta.url));

/** In its network namespace; /proc/sys/net shows that of who looks. */
const PREPARE = `ip link set lo up && echo ${MOST_IN_TIME_WAIT} > /proc/sys/net/ipv4/tcp_max_tw_buckets`;

export interface Churn {
  /** Of the servers. */
  readonly ports: readonly number[];
  readonly connections: number;
  readonly perSecond: number;
  /** Of the load itself, both ends, user and system. BPF programs that run for its sockets are in it. */
  readonly cpuSeconds: number;
}

/** What the program prints. */
interface Counted {
  readonly port: number;
  readonly connections: number;
  readonly perSecond: number;
  readonly cpuSeconds: number;
}

/** @param perSecond at most; default: no bound */
export async function churn(seconds: number, perSecond = Infinity): Promise<Churn> {
  const processors = usableProcessors();
  const pace = Number.isFinite(perSecond) ? `-r ${perSecond / processors.length}` : '';
  const all = await Promise.all(
    processors.map(async (processor) => {
      const script = `${PREPARE} && exec taskset --cpu-list ${processor} '${CHURN}' -s ${seconds} -c 1 ${pace}`;
      const { stdout } = await promisify(execFile)('unshare', ['--net', 'sh', '-c', script]);
      return JSON.parse(stdout) as Counted;
    }),
  );
  const sum = (of: (counted: Counted) => number): number =>
    all.reduce((total, counted) => total + of(counted), 0);
  return {
    ports: all.map(({ port }) => port),
    connections: sum(({ connections }) => connections),
    perSecond: sum((counted) => counted.perSecond),
    cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
  };
}

/** Those that this process may use: `0-1,4` in /proc/self/status. */
function usableProcessors(): number[] {
  const [, list = '0'] =
    /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
