/**
 * A host of its own for tests: a PID namespace with its own /proc, whose probe sees the processes in it and no others.
 * Other hosts may run beside it on this machine. Needs root.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { decodeReport } from '../../src/report/index.js';
import type { Report } from '../../src/report/model/model.js';
import type { Namespace } from './namespace.js';
import { programPath, startProgram } from './program.js';
import { TOPOPROBE } from './topoprobe.js';

export interface Host {
  /** Makes the host's probe watch for a second, and gives its report; as often as asked for. */
  report(): Promise<Report>;
}

/** Command line of a program of test/programs, for a shell. */
export const node = (program: string, ...args: readonly (string | number)[]): string =>
  `${process.execPath} ${programPath(program)} ${args.join(' ')}`;

/** A program that keeps a network namespace the host's. */
export const idle = (netns: Namespace): readonly [Namespace, string] => [
  netns,
  "sh -c 'echo up; exec sleep 1000'",
];

/**
 * Starts a host that runs `programs` (each in a network namespace) and waits until each of them has printed a line.
 * @param name its host name
 */
export async function startHost(
  t: TestContext,
  name: string,
  programs: readonly (readonly [netns: Namespace, command: string])[],
): Promise<Host> {
  const directory = mkdtempSync(join(tmpdir(), 'host-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  const path = join(directory, 'report');
  const started = programs.map(([netns, command], i) => {
    const line = join(directory, `line-${i}`);
    return `mkfifo ${line}; nsenter --net=/run/netns/${netns.name} ${command} > ${line} & read first < ${line}`;
  });
  const options = `--source proc --duration 1s --format msgpack --hostname ${name} --log-level error`;
  const probe = `${process.execPath} ${TOPOPROBE} report ${options} > ${path}`;
  // The shell is the first process of its PID namespace: all others end with it. It stays, so that its connections do.
  // Namespaces of others are none of this host's, though they are mounted here. (`ip netns exec` would make the programs
  // mount namespaces that have them still.)
  const hide = 'mount -t tmpfs none /run/netns';
  const script = `${started.join('\n')}\n${hide}\necho up\nwhile read go; do ${probe}; echo reported $?; done`;
  const shell = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', script];
  const { child } = await startProgram(t, shell);
  return {
    async report() {
      const code = new Promise<string>((resolve, reject) => {
        let output = '';
        const read = (chunk: Buffer): void => {
          output += chunk.toString();
          const reported = /^reported (\d+)$/m.exec(output)?.[1];
          if (reported === undefined) return;
          child.stdout?.off('data', read);
          resolve(reported);
        };
        child.stdout?.on('data', read);
        child.once('exit', () => {
          reject(new Error(`the host ${name} ended before its probe reported`));
        });
      });
      child.stdin?.write('go\n');
      assert.equal(await code, '0', `the probe of ${name} failed`);
      return decodeReport(readFileSync(path));
    },
  };
}
