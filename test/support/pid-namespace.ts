/** PID namespaces for tests: made for one test, gone with all of their processes after it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { startProgram } from './program.js';

export interface Nested {
  /** PID, as this test sees it, of the namespace's first process. */
  readonly pid: number;
  /** Runs the command that follows in it, with its /proc and in its network namespace. */
  readonly enter: readonly string[];
}

export interface NestedOptions {
  /** The namespace that it is below. Default: this test's. */
  readonly within?: Nested;
  /** Default: a network namespace of its own, with loopback up. */
  readonly sharesNetwork?: boolean;
}

/** A new PID namespace with its own /proc. Needs root. */
export async function createPidNamespace(
  t: TestContext,
  { within, sharesNetwork = false }: NestedOptions = {},
): Promise<Nested> {
  const first = sharesNetwork ? 'echo up' : 'ip link set lo up && echo up';
  const unshare = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const { pid: outer } = await startProgram(t, [
    ...(within?.enter ?? []),
    ...unshare,
    ...(sharesNetwork ? [] : ['--net']),
    ...['sh', '-c', `${first}; exec sleep infinity`],
  ]);
  const pid = innermostBelow(outer);
  return { pid, enter: ['nsenter', '-t', String(pid), '--pid', '--mount', '--net', '--'] };
}

/** The process, below one of this test's, that has no child. */
export function innermostBelow(ancestor: number): number {
  const parents = pids().map((pid) => [pid, statusOf(pid, 'PPid')] as const);
  for (let at = String(ancestor); ;) {
    const child = parents.find(([, parent]) => parent === at)?.[0];
    if (child === undefined) return Number(at);
    at = child;
  }
}

/** This test's PID of a process that has the given one in the namespace; undefined when there is none. */
export function outerPid({ pid: first }: Nested, inner: number): number | undefined {
  const namespace = namespaceOf(String(first));
  const found = pids().find(
    (pid) => namespaceOf(pid) === namespace && statusOf(pid, 'NSpid').split('\t').at(-1) === String(inner),
  );
  return found === undefined ? undefined : Number(found);
}

const pids = (): string[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

function namespaceOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return ''; // it has ended
  }
}

function statusOf(pid: string, field: string): string {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'latin1');
    return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '';
  } catch {
    return ''; // it has ended
  }
}
