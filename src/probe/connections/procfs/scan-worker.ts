/** The thread that scans /proc, one scan per message, so that the event loop never waits for it. */
import { getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { ProbeError, type ProbeErrorCode } from '../../errors.js';
import { scan, type Scan, type ScanLimits } from './scan.js';

export interface WorkerInput extends ScanLimits {
  readonly procRoot: string;
}

/** Why a scan failed, as fields of ProbeError: an error loses them between threads. */
export interface ScanFault {
  readonly code: ProbeErrorCode;
  readonly attempted: string;
  readonly advice: string;
}

export type WorkerAnswer = Scan | ScanFault;

/** Below the probe's own thread: a scan has a whole interval of time. */
const NICENESS = 10;

if (parentPort !== null) {
  const port = parentPort;
  const input = workerData as WorkerInput;
  stepBack();
  port.on('message', () => {
    void attempt(input).then((answer) => {
      port.postMessage(answer, 'records' in answer ? [answer.records] : []);
    });
  });
}

/** A program that was started with a higher niceness keeps it. A sandbox may refuse; scans work all the same. */
function stepBack(): void {
  const thisThread = 0;
  try {
    if (getPriority(thisThread) < NICENESS) setPriority(thisThread, NICENESS);
  } catch {
    return;
  }
}

/** Never rejects. */
async function attempt(input: WorkerInput): Promise<WorkerAnswer> {
  try {
    return await scan(input.procRoot, input);
  } catch (error) {
    const { code, attempted, advice } = error instanceof ProbeError ? error : unexpected(input, error);
    return { code, attempted, advice };
  }
}

function unexpected({ procRoot }: WorkerInput, cause: unknown): ProbeError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ProbeError('SOCKET_SCAN_FAILED', `cannot scan ${procRoot} (${reason})`, { cause });
}
