/**
 * Sockets change hands without a sign: a descriptor is inherited or passed on and never read from. Sweeps over all open
 * files find who has it, and who else does.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import type { Node } from '../../src/report/model/model.js';
import { createNamespace, type Namespace } from '../support/namespace.js';
import { innermostBelow, outerPid } from '../support/pid-namespace.js';
import { startProgram } from '../support/program.js';
import { runScenario, type Truth } from '../support/scenario.js';
import { needsRung } from '../support/rung.js';
import { ebpfSkip } from './requirements.js';
import { assertTrue, edgesTo, fact, inNamespace, watch, type Seen } from './seen-scenario.js';

const SWEEP_INTERVAL_MS = 20;
/** A sweep begins and ends within so many milliseconds on any machine. */
const PATIENCE_MS = 20_000;

/** Waits until a sweep has been begun and ended after now. */
async function swept({ source }: Seen): Promise<void> {
  const count = (): number => source.counters()['sweeps'] ?? 0;
  const wanted = count() + 2;
  for (let waited = 0; count() < wanted; waited += SWEEP_INTERVAL_MS) {
    assert.ok(waited < PATIENCE_MS, 'sweeps go on');
    await sleep(SWEEP_INTERVAL_MS);
  }
}

/** Runs a scenario, and sweeps after it. */
async function sweptScenario(
  t: TestContext,
  name: string,
): Promise<{ netns: Namespace; seen: Seen; truth: readonly Truth[] }> {
  const netns = createNamespace(t);
  const seen = await watch(t, { sweepIntervalMs: SWEEP_INTERVAL_MS });
  const { truth } = await runScenario(t, netns, [name]);
  await swept(seen);
  return { netns, seen, truth };
}

function serverOf(nodes: ReadonlyMap<string, Node>, { serverPort }: Truth): Node | undefined {
  return [...nodes.values()].find(({ id, adjacency }) => !adjacency && id.endsWith(`;${serverPort}`));
}

test(
  'a connection belongs to the process that has it, though it never reads',
  { skip: ebpfSkip || needsRung('files') },
  async (t) => {
    const { netns, seen, truth } = await sweptScenario(t, 'handed-on');
    const nodes = await seen.nodes();
    assertTrue(nodes, truth, inNamespace(netns));
    for (const one of truth) {
      const server = serverOf(nodes, one);
      assert.equal(fact(server, 'holder_pids'), one.holders?.join(' '));
      assert.equal(fact(server, 'pid_evidence'), 'table-scan');
    }
  },
);

/** Workers accept from the listener of their parent, and only write. Prints its PID and port. */
const WRITERS = `
import os, socket, time
server = socket.create_server(('127.0.0.1', 0))
for _ in range(3):
    if os.fork() == 0:
        held = []
        while True:
            held.append(server.accept()[0])
            held[-1].sendall(b'%7d' % os.getpid())
print(server.getsockname()[1], flush=True)
os.read(0, 1)
`;
const READER = `
import os, socket, sys
client = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
print(int(client.recv(7, socket.MSG_WAITALL)), flush=True)
os.read(0, 1)
`;

test(
  'a worker that only writes is found long before the next sweep is due',
  { skip: ebpfSkip || needsRung('files') },
  async (t) => {
    const netns = createNamespace(t);
    const enter = ['ip', 'netns', 'exec', netns.name];
    const seen = await watch(t, { sweepIntervalMs: 3_600_000 });
    const kill = ['unshare', '--pid', '--fork', '--kill-child'];
    const server = await startProgram(t, [...enter, ...kill, 'python3', '-c', WRITERS]);
    const client = await startProgram(t, [...enter, 'python3', '-c', READER, server.firstLine]);
    const worker = outerPid({ pid: innermostBelow(server.pid), enter: [] }, Number(client.firstLine));
    const port = Number(server.firstLine);
    const wanted = [`${client.pid} > ${worker} : ${port}`];
    let found: string[] = [];
    for (
      let waited = 0;
      waited < PATIENCE_MS && String(found) !== String(wanted);
      waited += SWEEP_INTERVAL_MS
    ) {
      found = [...edgesTo(await seen.nodes(), new Set([port]), inNamespace(netns)).keys()];
      await sleep(SWEEP_INTERVAL_MS);
    }
    assert.deepEqual(found, wanted);
  },
);

test('a sweep takes no connection from a process that has it open', { skip: ebpfSkip }, async (t) => {
  const netns = createNamespace(t);
  const seen = await watch(t, { sweepIntervalMs: 1 });
  for (const scenario of ['child-serves', 'prefork', 'passed-descriptor', 'threads', 'short']) {
    const { truth } = await runScenario(t, netns, [scenario]);
    assertTrue(await seen.nodes(), truth, inNamespace(netns));
  }
});

test(
  'all connections that wait at a listener are reported',
  { skip: ebpfSkip || needsRung('files') },
  async (t) => {
    const { netns, seen, truth } = await sweptScenario(t, 'shared-listener');
    const nodes = await seen.nodes();
    assertTrue(nodes, truth, inNamespace(netns));
    const [one] = truth;
    assert.ok(one?.listeners !== undefined);
    const listeners = [...one.listeners].sort((a, b) => a - b);
    assert.equal(fact(serverOf(nodes, one), 'listener_pids'), listeners.join(' '));
  },
);

test(
  "what a process left to a child when it ended is the child's, though its PID is used again",
  { skip: ebpfSkip || needsRung('files') },
  async (t) => {
    const { seen, truth } = await sweptScenario(t, 'reused-client-pid');
    const [gone, present] = truth;
    assert.ok(gone !== undefined && present !== undefined);
    const byClient = new Map<string, number>();
    for (const node of (await seen.nodes()).values()) {
      if (!(node.adjacency ?? []).some((to) => to.endsWith(`;${gone.serverPort}`))) continue;
      const pid = fact(node, 'pid');
      const who =
        pid === String(present.clientPid)
          ? 'present'
          : pid !== undefined
            ? 'child'
            : fact(node, 'exited_pid') !== undefined
              ? 'gone'
              : '?';
      byClient.set(who, (byClient.get(who) ?? 0) + Number(fact(node, 'conn_count') ?? 1));
    }
    assert.deepEqual(Object.fromEntries(byClient), {
      gone: gone.count - 1,
      present: present.count,
      child: 1,
    });
  },
);
