/** Connections that no program is busy with: half closed, not accepted yet, left to the kernel, older than the probe. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { held, ofServer } from '../../ebpf/held-connections.js';
import { assertTrue, inNamespace, watch, type Seen } from '../../ebpf/seen-scenario.js';
import { Direction, TcpState } from '../../../src/probe/topology/record.js';
import { createNamespace, type Namespace } from '../../support/namespace.js';
import { runScenario } from '../../support/scenario.js';
import { countSockets, socketsIn, type SeenSocket } from '../../support/socket-records.js';
import { EVERY_RUNG, optionsOf, VISITING_RUNGS, type Check } from './check.js';

async function ends({ feed }: Seen, netns: Namespace): Promise<SeenSocket[]> {
  return socketsIn(await feed.source.snapshot(), netns.inode).filter(
    ({ direction }) => direction !== Direction.Listener,
  );
}

/** How many have a process, by its PID. */
function byProcess(sockets: readonly { readonly pid: number }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { pid } of sockets) counts[pid] = (counts[pid] ?? 0) + 1;
  return counts;
}

/** Connections of a scenario that stay, and are looked at by a source that is started before or after them. */
function kept(name: string, scenario: string, when: 'younger' | 'older'): Check {
  return {
    name,
    rungs: when === 'older' ? VISITING_RUNGS : EVERY_RUNG,
    run: async (t, rung) => {
      const netns = createNamespace(t);
      const early = when === 'younger' ? await watch(t, optionsOf(rung)) : undefined;
      const { truth } = await runScenario(t, netns, [scenario]);
      const seen = early ?? (await watch(t, optionsOf(rung)));
      assertTrue(await seen.nodes(), truth, inNamespace(netns));
      const [one] = truth;
      assert.ok(one !== undefined);
      const expected = { [one.clientPid]: one.count, [one.serverPid]: one.count };
      assert.deepEqual(byProcess(await ends(seen, netns)), expected);
    },
  };
}

async function orphaned(t: TestContext, seen: Seen): Promise<void> {
  const netns = createNamespace(t);
  let waiting = 0;
  const { truth } = await runScenario(t, netns, ['orphaned'], async (_, goOn) => {
    waiting = (await ends(seen, netns)).filter(({ state }) => state === TcpState.FinWait1).length;
    goOn();
  });
  const [one] = truth;
  assert.ok(one !== undefined);
  assert.deepEqual({ 'in FIN-WAIT-1': waiting }, { 'in FIN-WAIT-1': one.count });
  const snapshot = await seen.feed.source.snapshot();
  const { closed, bytesSent, bytesReceived } = countSockets(snapshot, netns.inode);
  assert.deepEqual(
    { closed, bytesSent, bytesReceived },
    { closed: one.count * 2, bytesSent: one.bytes, bytesReceived: one.bytes },
  );
  const pids = byProcess(socketsIn(snapshot, netns.inode).filter(({ state }) => state === TcpState.Close));
  assert.deepEqual(pids, { [one.clientPid]: one.count, [one.serverPid]: one.count });
}

export const states: readonly Check[] = [
  {
    name: 'older than the probe: connections and listener, with their processes',
    rungs: VISITING_RUNGS,
    run: async (t, rung) => {
      const { truth, server } = await held(t);
      const seen = await watch(t, optionsOf(rung));
      const sockets = socketsIn(await seen.feed.source.snapshot(), server.inode);
      const listeners = sockets.filter(({ direction }) => direction === Direction.Listener);
      assert.deepEqual(
        { listeners: byProcess(listeners), all: byProcess(sockets) },
        { listeners: { [truth.serverPid]: 1 }, all: { [truth.serverPid]: truth.count + 1 } },
      );
      assertTrue(await seen.nodes(), [truth], ofServer);
    },
  },
  {
    name: 'half open: the client is gone without a FIN',
    rungs: EVERY_RUNG,
    run: async (t, rung) => {
      const seen = await watch(t, optionsOf(rung));
      const { truth, server, endClient } = await held(t);
      execFileSync('ip', ['-n', server.name, 'link', 'set', 'lo', 'down']);
      execFileSync('ip', ['-n', server.name, 'route', 'flush', 'table', 'main']);
      await endClient();
      assertTrue(await seen.nodes(), [truth], ofServer);
      assert.deepEqual(byProcess(await ends(seen, server)), { [truth.serverPid]: truth.count });
    },
  },
  kept('half closed: the client has sent its FIN', 'half-closed', 'younger'),
  kept('half closed, older than the probe', 'half-closed', 'older'),
  kept('not accepted yet', 'unaccepted', 'younger'),
  kept('not accepted yet, older than the probe', 'unaccepted', 'older'),
  {
    name: 'left to the kernel by a close() with data under way, and ended later: bytes exact',
    rungs: EVERY_RUNG,
    run: async (t, rung) => orphaned(t, await watch(t, optionsOf(rung))),
  },
];
