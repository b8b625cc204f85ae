/** Starts a process for a test and ends it by its own id when the test is over, whatever happened. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'node:test';

const FIRST_LINE_TIMEOUT_MS = 20_000;

export interface Program {
  readonly pid: number;
  readonly child: ChildProcess;
  /** What it printed first, usually a port. */
  readonly firstLine: string;
}

/** Path of a compiled program of test/programs. */
export const programPath = (name: string): string =>
  fileURLToPath(new URL(`../programs/${name}.js`, import.meta.url));

/** Starts `command` and waits for its first line on stdout. */
export async function startProgram(t: TestContext, command: readonly string[]): Promise<Program> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await exited;
    }
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`could not start ${command.join(' ')}`);
  const firstLine = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`${command.join(' ')} printed nothing for ${FIRST_LINE_TIMEOUT_MS} ms`));
    }, FIRST_LINE_TIMEOUT_MS);
    const lines = createInterface({ input: child.stdout });
    lines.once('line', (line) => {
      clearTimeout(timer);
      resolve(line);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`${command.join(' ')} ended early (${code ?? signal ?? ''})`));
    });
  });
  return { pid, child, firstLine };
}

/** Starts a compiled program of test/programs, in a network namespace if one is named. */
export function startNodeProgram(
  t: TestContext,
  name: string,
  args: readonly (string | number)[],
  netns?: string,
): Promise<Program> {
  const enter = netns === undefined ? [] : ['ip', 'netns', 'exec', netns];
  return startProgram(t, [...enter, process.execPath, programPath(name), ...args.map(String)]);
}
