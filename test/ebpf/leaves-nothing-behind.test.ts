/** However the probe ends, no program, link or map of it stays in the kernel. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProgram } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { ebpfSkip } from './requirements.js';

const DEADLINE_MS = 10_000;

/** Ids of programs, maps and links; `pids` names their owner while it lives. */
function bpfIds(kind: 'prog' | 'map' | 'link'): { id: number; pids?: { pid: number }[] }[] {
  return JSON.parse(execFileSync('bpftool', ['--json', kind, 'list'], { encoding: 'utf8' })) as {
    id: number;
    pids?: { pid: number }[];
  }[];
}

const kinds = ['prog', 'map', 'link'] as const;
const snapshot = (): Map<string, Set<number>> =>
  new Map(kinds.map((kind) => [kind, new Set(bpfIds(kind).map(({ id }) => id))]));

/** Ids that `pid` holds open, by its descriptors: exact even while other tests load programs of their own. */
function heldBy(pid: number): string[] {
  return execFileSync('ls', [`/proc/${pid}/fd`], { encoding: 'utf8' })
    .split('\n')
    .filter((fd) => fd !== '')
    .flatMap((fd) => {
      try {
        const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
        return [...info.matchAll(/^(prog_id|map_id|link_id):\s+(\d+)/gm)].map(
          ([, kind = '', id = '']) => `${kind.replace('_id', '')} ${id}`,
        );
      } catch {
        return [];
      }
    });
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  test(`nothing is left after ${signal}`, { skip: ebpfSkip }, async (t) => {
    const up = await startProgram(t, [
      process.execPath,
      TOPOPROBE,
      'up',
      '--listen',
      '127.0.0.1:0',
      '--source',
      'ebpf',
      '--log-level',
      'warn',
    ]);
    const held = new Set(heldBy(up.pid));
    for (const kind of kinds) {
      assert.ok(
        [...held].some((name) => name.startsWith(`${kind} `)),
        `the running probe holds a ${kind}`,
      );
    }

    const exited = once(up.child, 'exit');
    up.child.kill(signal);
    await exited;

    // The kernel frees programs and maps a grace period after the last descriptor is closed.
    const left = (): string[] => {
      const all = snapshot();
      return [...held].filter((name) => {
        const [kind = '', id = ''] = name.split(' ');
        return all.get(kind)?.has(Number(id));
      });
    };
    const deadline = Date.now() + DEADLINE_MS;
    while (left().length > 0 && Date.now() < deadline) await sleep(100);
    assert.deepEqual(left(), []);
    if (signal === 'SIGTERM') assert.equal(up.child.exitCode, 0);
  });
}
