/** Connections that no program is busy with: half closed, not accepted yet, left to the kernel, older than the probe. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { held, ofServer } from '../../ebpf/held-connections.js';
import { assertTrue, inNamespace, watch, type Seen } from '../../ebpf/seen-scenario.js';
import type { Snapshot } from '../../../src/probe/records/source.js';
import { Direction } from '../../../src/probe/records/layout.js';
import { TcpState } from '../../../src/probe/records/tcp-state.js';
import { createNamespace, pairedDevice, type Namespace } from '../../support/namespace.js';
import { runScenario, type Truth } from '../../support/scenario.js';
import { countSockets, socketsIn, type SeenSocket } from '../../support/socket-records.js';
import type { Rung } from '../rungs.js';
import { EVERY_RUNG, FILES_RUNGS, optionsOf, type Check } from './check.js';

const connectionEnds = (snapshot: Snapshot, netns: Namespace): SeenSocket[] =>
  socketsIn(snapshot, netns.inode).filter(({ direction }) => direction !== Direction.Listener);

const ends = async ({ source }: Seen, netns: Namespace): Promise<SeenSocket[]> =>
  connectionEnds(await source.snapshot(), netns);

/** How many are whose: named by what a process is to the connections, as PIDs differ each time. */
function byRole(
  sockets: readonly { readonly pid: number }[],
  { clientPid, serverPid }: Truth,
): Record<string, number> {
  const roles = new Map([
    [clientPid, 'client'],
    [serverPid, 'server'],
    [0, 'nobody'],
  ]);
  const counts: Record<string, number> = {};
  for (const { pid } of sockets) {
    const role = roles.get(pid) ?? 'another process';
    counts[role] = (counts[role] ?? 0) + 1;
  }
  return counts;
}

/** Connections of a scenario that stay, and are looked at by a source that is started before or after them. */
function kept(
  name: string,
  scenario: string,
  when: 'younger' | 'older',
  rungs: readonly Rung[] = when === 'older' ? FILES_RUNGS : EVERY_RUNG,
): Check {
  return {
    name,
    rungs,
    run: async (t, rung) => {
      const netns = createNamespace(t);
      const early = when === 'younger' ? await watch(t, optionsOf(rung)) : undefined;
      const { truth } = await runScenario(t, netns, [scenario]);
      const seen = early ?? (await watch(t, optionsOf(rung)));
      const [one] = truth;
      assert.ok(one !== undefined);
      assert.deepEqual(byRole(await ends(seen, netns), one), { client: one.count, server: one.count });
      assertTrue(await seen.nodes(), truth, inNamespace(netns));
    },
  };
}

/** Runs the scenario; tells what was seen of it while the kernel had the clients' ends for itself. */
async function leave(
  t: TestContext,
  netns: Namespace,
  look: () => Promise<SeenSocket[]>,
): Promise<{ readonly truth: Truth; readonly meanwhile: SeenSocket[] }> {
  let meanwhile: SeenSocket[] = [];
  const scenario = await runScenario(t, netns, ['orphaned'], async (_, goOn) => {
    meanwhile = await look();
    goOn();
  });
  const [truth] = scenario.truth;
  assert.ok(truth !== undefined);
  return { truth, meanwhile };
}

const inFinWait = (sockets: readonly SeenSocket[]): SeenSocket[] =>
  sockets.filter(({ state }) => state === TcpState.FinWait1);

export const states: readonly Check[] = [
  {
    name: 'older than the probe: connections and listener, with their processes',
    rungs: FILES_RUNGS,
    run: async (t, rung) => {
      const { truth, server } = await held(t);
      const seen = await watch(t, optionsOf(rung));
      const sockets = socketsIn(await seen.source.snapshot(), server.inode);
      const listeners = sockets.filter(({ direction }) => direction === Direction.Listener);
      assert.deepEqual(
        { listeners: byRole(listeners, truth), all: byRole(sockets, truth) },
        { listeners: { server: 1 }, all: { server: truth.count + 1 } },
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
      execFileSync('ip', ['-n', server.name, 'link', 'set', pairedDevice(server), 'down']);
      await endClient();
      assertTrue(await seen.nodes(), [truth], ofServer);
      const open = (await ends(seen, server)).filter(({ state }) => state === TcpState.Established);
      assert.deepEqual(byRole(open, truth), { server: truth.count });
    },
  },
  kept('half closed: the client has sent its FIN', 'half-closed', 'younger'),
  kept('half closed, older than the probe', 'half-closed', 'older'),
  kept('not accepted yet', 'unaccepted', 'younger'),
  // The server's ends are in no process's files, and their listener can't be told from the socket any more.
  kept('not accepted yet, older than the probe', 'unaccepted', 'older'),
  {
    name: 'left to the kernel by a close() with data under way: still there',
    rungs: EVERY_RUNG,
    run: async (t, rung) => {
      const netns = createNamespace(t);
      const seen = await watch(t, optionsOf(rung));
      const { truth, meanwhile } = await leave(t, netns, () => ends(seen, netns));
      assert.deepEqual(byRole(inFinWait(meanwhile), truth), { client: truth.count });
    },
  },
  {
    name: 'left to the kernel by a close(), and ended later: processes and bytes exact',
    rungs: EVERY_RUNG,
    run: async (t, rung) => {
      const netns = createNamespace(t);
      const seen = await watch(t, optionsOf(rung));
      const { truth } = await leave(t, netns, () => ends(seen, netns));
      const snapshot = await seen.source.snapshot();
      const { live, closed, bytesSent, bytesReceived } = countSockets(snapshot, netns.inode);
      const { count, bytes } = truth;
      assert.deepEqual(
        { live, closed, bytesSent, bytesReceived },
        { live: 0, closed: count * 2, bytesSent: bytes, bytesReceived: bytes },
      );
      assert.deepEqual(byRole(connectionEnds(snapshot, netns), truth), { client: count, server: count });
    },
  },
  {
    name: 'left to the kernel, older than the probe: both ends',
    rungs: FILES_RUNGS,
    run: async (t, rung) => {
      const netns = createNamespace(t);
      const { truth, meanwhile } = await leave(t, netns, async () =>
        ends(await watch(t, optionsOf(rung)), netns),
      );
      // No process has the clients' ends any more.
      assert.deepEqual(byRole(meanwhile, truth), { nobody: truth.count, server: truth.count });
    },
  },
];
