/** Runs the program as its launcher does. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What Node.js runs: tests have it run on the Node.js that they run on themselves. */
export const TOPOPROBE = fileURLToPath(new URL('../../src/cli/start.js', import.meta.url));
/** What people run: finds a Node.js and has it run the program. */
export const LAUNCHER = fileURLToPath(new URL('../../../bin/topoprobe', import.meta.url));

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command to its end. Numeric ids run it as that user. */
export function topoprobe(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; uid?: number; gid?: number } = {},
): Promise<CommandResult> {
  const { env, ...ids } = options;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [TOPOPROBE, ...args],
      { ...ids, env: { ...process.env, ...env }, maxBuffer: 1 << 28 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, stdout, stderr });
      },
    );
  });
}
