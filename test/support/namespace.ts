/** Network namespaces for tests: made for one test, gone after it. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import type { TestContext } from 'node:test';

export interface Namespace {
  readonly name: string;
  /** Inode, as in endpoint ids. */
  readonly inode: number;
}

/** A new namespace with loopback up. Needs root. */
export function createNamespace(t: TestContext): Namespace {
  const name = `tp-test-${randomBytes(4).toString('hex')}`;
  execFileSync('ip', ['netns', 'add', name]);
  t.after(() => {
    deleteNamespace({ name });
  });
  execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  return { name, inode: statSync(`/run/netns/${name}`).ino };
}

/** Before the test's end; nothing when it is gone already. */
export function deleteNamespace({ name }: Pick<Namespace, 'name'>): void {
  if (existsSync(`/run/netns/${name}`)) execFileSync('ip', ['netns', 'delete', name]);
}

/** Joins two namespaces by a veth pair with one address each (CIDR form). */
export function joinNamespaces(a: Namespace, addressA: string, b: Namespace, addressB: string): void {
  const suffix = randomBytes(3).toString('hex');
  const [endA, endB] = [`va${suffix}`, `vb${suffix}`];
  execFileSync('ip', [
    'link',
    'add',
    endA,
    'netns',
    a.name,
    'type',
    'veth',
    'peer',
    'name',
    endB,
    'netns',
    b.name,
  ]);
  for (const [ns, end, address] of [
    [a, endA, addressA],
    [b, endB, addressB],
  ] as const) {
    const nodad = address.includes(':') ? ['nodad'] : [];
    execFileSync('ip', ['-n', ns.name, 'address', 'add', address, 'dev', end, ...nodad]);
    execFileSync('ip', ['-n', ns.name, 'link', 'set', end, 'up']);
  }
}

/** Name of the first interface in a namespace that is one end of a pair. */
export function pairedDevice({ name }: Namespace): string {
  const listed = execFileSync('ip', ['-n', name, '-o', 'link', 'show', 'type', 'veth'], { encoding: 'utf8' });
  return (listed.split(': ')[1] ?? '').replace(/@.*/, '');
}
