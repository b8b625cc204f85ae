/**
 * Network cards interrupt: the kernel does not run a program inside itself on one CPU, so that state changes which come
 * in then are not reported. Packets steered between CPUs (RPS) interrupt loopback in the same way.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Direction, Flag } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import { createNamespace } from '../support/namespace.js';
import { startProgram } from '../support/program.js';
import { socketsIn } from '../support/socket-records.js';
import { loadOnRung, needsRung } from '../support/rung.js';
import { ebpfSkip } from './requirements.js';

const CHURN = fileURLToPath(new URL('../../churn', import.meta.url));
const CONNECTIONS = 20_000;
const skip =
  ebpfSkip ||
  needsRung('sockets') ||
  (availableParallelism() < 2 && 'needs two CPUs: packets are steered between them');

test('connections whose state changes interrupt the tracker are seen whole', { skip }, async (t) => {
  const netns = createNamespace(t);
  const tracker = await loadOnRung();
  t.after(() => tracker.close());
  await tracker.sweepAdopt();
  const { stdout } = await promisify(execFile)('ip', [
    ...['netns', 'exec', netns.name, 'sh', '-c'],
    `echo 3 > /sys/class/net/lo/queues/rx-0/rps_cpus; exec ${CHURN} -n ${CONNECTIONS} -c 2`,
  ]);
  const { connections } = JSON.parse(stdout) as { connections: number };
  // In there, sockets that ended without a word are looked for.
  const inside = await startProgram(t, [
    'ip',
    'netns',
    'exec',
    netns.name,
    'sh',
    '-c',
    'echo; exec sleep 600',
  ]);
  const request = {
    namespaces: {
      inodes: Float64Array.of(netns.inode),
      paths: `/proc/${inside.pid}/ns/net\0`,
      inhabited: Float64Array.of(netns.inode),
    },
  };
  const ends = socketsIn(await tracker.snapshot(request), netns.inode).filter(
    ({ direction }) => direction !== Direction.Listener,
  );
  assert.ok((await tracker.counters()).inferred > 0, 'state changes were dropped');
  assert.deepEqual(
    ends.filter(({ flags }) => (flags & Flag.Established) === 0),
    [],
    'no connection is taken for a failed one',
  );
  // How many are reported is not asserted: kernels of some virtual machines run no program at all, and don't say so, while
  // it is process 1 that is interrupted.
  for (const direction of [Direction.Connected, Direction.Accepted]) {
    const seen = ends.filter((each) => each.direction === direction).length;
    assert.ok(seen > 0 && seen <= connections, `${seen} ends of ${connections} connections`);
  }
  assert.deepEqual(
    socketsIn(await tracker.snapshot(request), netns.inode).filter(({ state }) => state !== TcpState.Close),
    [],
    'none is taken to live on',
  );
});
