/** Runs a program of this machine to its end, for what it prints; a failure says what was attempted and how it ended. */
import { execFile } from 'node:child_process';

export interface CommandOptions {
  readonly cwd?: string;
  readonly input?: string;
}

/** @throws Error with one line: what was attempted, and what the program said of its failure */
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
      const why = isMissing ? `${file} is not installed` : tellingLine(stderr);
      reject(new Error(`could not ${attempt}: ${why === '' ? error.message : why}`, { cause: error }));
    });
    child.stdin?.on('error', () => undefined); // it may end without reading
    child.stdin?.end(input);
  });
}

/** Compilers and make say what follows from an error after it. */
function tellingLine(stderr: string): string {
  const lines = stderr.trim().split('\n');
  return lines.find((line) => /error|cannot|failed|unable/i.test(line)) ?? lines.at(-1) ?? '';
}
