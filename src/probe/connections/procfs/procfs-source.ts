/**
 * /proc as a source of connections: for machines and users without eBPF. It sees sockets that are open at the moment of a
 * snapshot and misses shorter connections. An ordinary user gets only the PIDs of their own processes.
 */
import { Worker } from 'node:worker_threads';
import type { ConnectionSource, Snapshot } from '../../records/source.js';
import { overflowOf } from '../../records/overflow-counts.js';
import { ProbeError } from '../../errors.js';
import type { Scan, ScanCounts, ScanLimits } from './scan.js';
import type { WorkerAnswer, WorkerInput } from './scan-worker.js';

export interface ProcfsOptions extends Partial<ScanLimits> {
  /** Where proc is mounted. Default /proc. */
  readonly procRoot?: string;
}

const DEFAULT_MAX_RECORDS = 1_000_000;
/** This source does not see ends. */
const NONE_ENDED = { closed: 0, failed: 0, bytesSent: 0, bytesReceived: 0, retransmits: 0 };
const DEFAULT_MAX_FDS = 2_000_000;

/**
 * Makes a first scan to check that it works.
 * @throws ProbeError PROC_UNREADABLE if there is no readable proc file system at `procRoot`
 */
export async function createProcfsSource(options: ProcfsOptions = {}): Promise<ConnectionSource> {
  const {
    procRoot = '/proc',
    maxRecords = DEFAULT_MAX_RECORDS,
    maxRecordsPerNetns = maxRecords,
    maxFds = DEFAULT_MAX_FDS,
    textOnly = false,
  } = options;
  const source = new ProcfsSource({ procRoot, maxRecords, maxRecordsPerNetns, maxFds, textOnly });
  try {
    await source.snapshot();
  } catch (error) {
    await source.close();
    throw error;
  }
  return source;
}

class ProcfsSource implements ConnectionSource {
  readonly kind = 'procfs';
  readonly #totals = new Map<string, number>([['scans', 0]]);
  #worker: Worker | undefined;
  #closed = false;

  constructor(private readonly input: WorkerInput) {}

  async snapshot(): Promise<Snapshot> {
    if (this.#closed) throw new ProbeError('SOURCE_CLOSED', 'cannot take a snapshot: the source is closed');
    const takenAtNanos = Number(process.hrtime.bigint());
    const { records, recordCount, overflow: live, counts } = await this.#scan();
    this.#add(counts);
    const namespaces = Array.from(live, ([netns, live]) => ({ ...NONE_ENDED, netns, live }));
    const overflow = overflowOf(namespaces);
    // The kernel's table of a namespace has all of its listeners.
    return { isWhole: true, records, recordCount, takenAtNanos, lost: 0, listenersListed: true, overflow };
  }

  counters(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#totals);
  }

  /** Ends the thread; the next scan starts another. */
  distrust(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    // If that fails, the thread stays and gets no more requests.
    worker?.terminate().catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  /** Replaces a worker that died. */
  async #scan(): Promise<Scan> {
    const worker = (this.#worker ??= this.#startWorker());
    worker.ref();
    try {
      const answer = await answerOf(worker);
      if ('code' in answer) throw new ProbeError(answer.code, answer.attempted, { advice: answer.advice });
      return answer;
    } finally {
      worker.unref(); // an idle worker must not keep the program alive
    }
  }

  #startWorker(): Worker {
    const worker = new Worker(new URL('./scan-worker.js', import.meta.url), { workerData: this.input });
    // A scan's caller gets its failure; the failure of an idle thread is only counted.
    worker.on('error', () => {
      this.#totals.set('scannerDeaths', (this.#totals.get('scannerDeaths') ?? 0) + 1);
    });
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    return worker;
  }

  #add(counts: ScanCounts): void {
    const add = (name: string, value: number): void => {
      this.#totals.set(name, (this.#totals.get(name) ?? 0) + value);
    };
    add('scans', 1);
    for (const [name, value] of Object.entries(counts)) add(name, value as number);
  }
}

function answerOf(worker: Worker): Promise<WorkerAnswer> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      act();
    };
    const onMessage = (answer: WorkerAnswer): void => settle(() => resolve(answer));
    const failed = (why: string, cause?: unknown): void =>
      settle(() => reject(new ProbeError('SOCKET_SCAN_FAILED', `cannot scan /proc (${why})`, { cause })));
    const onError = (error: Error): void => failed(error.message, error);
    const onExit = (): void => failed('its thread ended');
    worker.once('message', onMessage).once('error', onError).once('exit', onExit);
    worker.postMessage('scan');
  });
}
