/** Runs a scenario of test/scenarios/scenarios.c: real processes that tell the truth about their connections. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Namespace } from './namespace.js';

const SCENARIOS = fileURLToPath(new URL('../../scenarios', import.meta.url));

export interface Truth {
  readonly clientPid: number;
  readonly serverPid: number;
  readonly serverPort: number;
  readonly otherPort?: number;
  readonly count: number;
  /** Why the connects failed; absent for connections. */
  readonly failed?: string;
}

export interface Scenario {
  readonly truth: Truth[];
  readonly child: ChildProcess;
}

/** Runs one to its `done`. @param onLine told of lines that are no truth */
export async function runScenario(
  t: TestContext,
  netns: Namespace,
  args: readonly string[],
  onLine: (line: string) => void = () => undefined,
): Promise<Scenario> {
  const child = spawn('ip', ['netns', 'exec', netns.name, SCENARIOS, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.stdin.end();
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await exited;
    }
  });
  const truth: Truth[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'done') return { truth, child };
    if (line.startsWith('{')) truth.push(JSON.parse(line) as Truth);
    else onLine(line);
  }
  throw new Error(`scenario ${args.join(' ')} ended early`);
}
