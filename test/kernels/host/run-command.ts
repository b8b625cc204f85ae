/** Runs a program of this machine to its end, for what it prints; a failure says what was attempted and how it ended. */
import { execFile } from 'node:child_process';

export interface CommandOptions {
  readonly cwd?: string;
  readonly input?: string;
}

/** @throws Error with one line: what was attempted, and the last line that the program said */
export function runCommand(
  attempt: string,
  [file, ...args]: readonly [string, ...string[]],
  { cwd, input = '' }: CommandOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, { cwd, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
        return;
      }
      const isMissing = error.code === 'ENOENT' && (cwd === undefined || error.path === file);
      const why = isMissing ? `${file} is not installed` : (stderr.trim().split('\n').at(-1) ?? '');
      reject(new Error(`could not ${attempt}: ${why === '' ? error.message : why}`, { cause: error }));
    });
    child.stdin?.on('error', () => undefined); // it may end without reading
    child.stdin?.end(input);
  });
}
