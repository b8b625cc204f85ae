/** Runs a scenario of test/scenarios/scenarios.c: real processes that tell the truth about their connections. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Namespace } from './namespace.js';

const SCENARIOS = fileURLToPath(new URL('../../scenarios', import.meta.url));

export interface Truth {
  readonly clientPid: number;
  /** Another process has its PID now. */
  readonly clientGone?: boolean;
  readonly serverPid: number;
  readonly serverGone?: boolean;
  readonly serverPort: number;
  readonly otherPort?: number;
  readonly count: number;
  /** Sent by all of its clients together, where it says so. */
  readonly bytes?: number;
  /** Why the connects failed; absent for connections. */
  readonly failed?: string;
  /** Others that have the server's socket open, and all that have the listening one open. */
  readonly holders?: readonly number[];
  readonly listeners?: readonly number[];
}

export interface Scenario {
  readonly truth: Truth[];
  readonly child: ChildProcess;
}

/**
 * Runs one to its `done`.
 * @param onLine told of lines that are no truth; `goOn` is what a scenario waits for that says so
 * @param onTruth told of each line of truth as it comes
 */
export async function runScenario(
  t: TestContext,
  netns: Namespace,
  args: readonly string[],
  onLine: (line: string, goOn: () => void) => void | Promise<void> = () => undefined,
  onTruth: (truth: Truth) => void = () => undefined,
): Promise<Scenario> {
  const child = spawn('ip', ['netns', 'exec', netns.name, SCENARIOS, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.stdin.end();
    // It leads a process group: what it forked ends with it.
    if (child.pid !== undefined) endGroup(child.pid);
    await exited;
  });
  const truth: Truth[] = [];
  const lines = createInterface({ input: child.stdout });
  // What it forked may have its stdout open still.
  void exited.then(() => {
    lines.close();
  });
  for await (const line of lines) {
    if (line === 'done') return { truth, child };
    if (line.startsWith('{')) {
      truth.push(JSON.parse(line) as Truth);
      onTruth(truth.at(-1)!);
    } else {
      await onLine(line, () => child.stdin.write('x'));
    }
  }
  throw new Error(`scenario ${args.join(' ')} ended early`);
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
  }
}
