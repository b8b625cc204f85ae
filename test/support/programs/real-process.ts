/** A real program somewhere in namespaces: started, read, waited for, and ended by its own PID. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { waitFor } from '../wait-for.js';

const execute = promisify(execFile);
const OUTPUT_BYTES_MAX = 1 << 28;

/** Where programs are run: what precedes a command line to run it there. */
export interface Place {
  readonly enter: readonly string[];
}

export interface RealProcess {
  /** As the processes beside it see it. */
  readonly pid: number;
  readonly child: ChildProcess;
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves with its exit status, or the signal that ended it, when all of its output was read. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Sends it a signal and, where that ends it, waits until it has ended. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

/** Runs a command to its end and answers its output. Fails when the command does, with what it wrote. */
export async function runIn({ enter }: Place, command: readonly string[]): Promise<string> {
  const [file = '', ...args] = [...enter, ...command];
  return (await execute(file, args, { maxBuffer: OUTPUT_BYTES_MAX })).stdout;
}

/** Starts a command and returns when its PID is known. It is killed when the test is over. */
export async function startReal(
  t: TestContext,
  place: Place,
  command: readonly string[],
): Promise<RealProcess> {
  const [file = '', ...args] = [...place.enter, 'sh', '-c', 'echo $$; exec "$@"', 'sh', ...command];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  // It may end before it has read what it is given.
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const output = createInterface({ input: child.stdout });
  output.on('line', (line) => lines.push(line));
  await Promise.race([once(output, 'line'), ended]);
  const pid = Number(lines.shift());
  if (!(pid > 0)) throw new Error(`could not start ${command.join(' ')}: ${errors}`);
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const signalIt = async (signal: NodeJS.Signals): Promise<void> => {
    if (isOver()) return;
    try {
      await runIn(place, ['kill', '-s', signal.replace('SIG', ''), String(pid)]);
    } catch (error) {
      // It has ended meanwhile, or all of its namespace has.
      if (!isOver() && signal !== 'SIGKILL') throw error;
    }
  };
  t.after(async () => {
    await signalIt('SIGKILL');
    await ended;
  });
  return {
    pid,
    child,
    stdout: () => lines.join('\n'),
    stderr: () => errors,
    ended,
    async end(signal = 'SIGKILL') {
      await signalIt(signal);
      await ended;
    },
  };
}

/** Waits until a process has written `text` to its standard error. Fails when it ends before. */
export async function untilLogged(name: string, process: RealProcess, text: string): Promise<void> {
  await waitFor(
    `${name} logs ${JSON.stringify(text)}`,
    () => {
      if (process.child.exitCode !== null) throw new Error(`${name} ended: ${process.stderr()}`);
      return process.stderr();
    },
    (log) => log.includes(text),
  );
}
