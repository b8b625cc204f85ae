/** Runs an example as a reader does, and ends it as Ctrl-C does. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { waitFor } from '../support/wait-for.js';

export const EXAMPLES = fileURLToPath(new URL('../../../examples', import.meta.url));

export interface RunningExample {
  /** All that it has printed so far. */
  output(): string;
  /** Interrupts it; it must end by itself, without an error. */
  interrupt(): Promise<void>;
}

/** Starts `run.sh` of an example and waits until it has printed a line that begins with `sign`. */
export async function runExample(
  t: TestContext,
  name: string,
  sign: string,
  { args = [], env = {} }: { args?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
): Promise<RunningExample> {
  // Its own process group: what is left of it after a failure can be ended as a whole.
  const child = spawn('bash', [join(EXAMPLES, name, 'run.sh'), ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      TOPOPROBE_NODE: process.execPath,
      TOPOPROBE_PUBLISH_INTERVAL: '500ms',
      TOPOPROBE_DNS: 'off',
      ...env,
    },
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  // Closed when all of its processes have ended.
  const closed = once(child, 'close');
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  t.after(async () => {
    if (!isOver()) {
      child.kill('SIGTERM');
      await closed;
    }
  });
  await waitFor(
    `${name} prints ${sign}`,
    () => {
      assert.ok(!isOver(), `${name} ended: ${output}${errors}`);
      return output;
    },
    (text) => text.split('\n').some((line) => line.startsWith(sign)),
  );
  return {
    output: () => output,
    async interrupt() {
      child.kill('SIGTERM');
      await closed;
      assert.equal(child.exitCode, 0, errors);
    },
  };
}
