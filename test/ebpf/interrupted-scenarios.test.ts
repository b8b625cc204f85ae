/** What is in the middle of something when a link, a namespace or the probe itself goes away. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { Flag, OFFSET, RECORD } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import { createNamespace, deleteNamespace, pairedDevice, type Namespace } from '../support/namespace.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { needsRung } from '../support/rung.js';
import { runScenario } from '../support/scenario.js';
import { held, ofServer } from './held-connections.js';
import { ebpfSkip } from './requirements.js';
import { assertTrue, edgesTo, inNamespace, watch, type Seen } from './seen-scenario.js';

/** Tenths of a second. */
const PATIENCE = 150;

/** Established sockets of a namespace that the source believes to be alive. */
async function liveIn({ source }: Seen, { inode }: Namespace): Promise<number> {
  const { records, recordCount } = await source.snapshot();
  const view = new DataView(records);
  let live = 0;
  for (let at = 0; at < recordCount * RECORD.bytes; at += RECORD.bytes) {
    const isConnection = (view.getUint8(at + OFFSET.flags) & Flag.Established) !== 0;
    const isLive = view.getUint8(at + OFFSET.state) !== TcpState.Close;
    if (isConnection && isLive && view.getUint32(at + OFFSET.netns, true) === inode) live++;
  }
  return live;
}

test('half-open: the client is gone and no FIN came', { skip: ebpfSkip }, async (t) => {
  const seen = await watch(t);
  const { truth, server, endClient } = await held(t);
  execFileSync('ip', ['-n', server.name, 'link', 'set', pairedDevice(server), 'down']);
  await endClient();
  assertTrue(await seen.nodes(), [truth], ofServer);
  assert.equal(await liveIn(seen, server), truth.count, 'the server still has its ends');
});

test('a namespace disappears while its connections live', { skip: ebpfSkip }, async (t) => {
  const seen = await watch(t);
  const { truth, client, server, endClient } = await held(t);
  assert.equal(await liveIn(seen, client), truth.count);
  // Ends that wait for an answer to their FIN keep the namespace: not for long, then.
  const retries = '/proc/sys/net/ipv4/tcp_orphan_retries';
  execFileSync('ip', ['netns', 'exec', client.name, 'sh', '-c', `echo 1 > ${retries}`]);
  execFileSync('ip', ['-n', client.name, 'link', 'delete', 'dev', pairedDevice(client)]);
  await endClient();
  deleteNamespace(client);
  assert.equal(await liveIn(seen, server), truth.count);
  for (let waited = 0; (await liveIn(seen, client)) > 0; waited++) {
    assert.ok(waited < PATIENCE, 'no end of it is left');
    await sleep(100);
  }
});

test(
  'a probe is killed under load, and a new one is started',
  { skip: ebpfSkip || needsRung('files') },
  async (t) => {
    const netns = createNamespace(t);
    const killed = spawn(process.execPath, [TOPOPROBE, 'report', '--duration', '1h', '--source', 'ebpf'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exited = once(killed, 'exit');
    t.after(() => killed.kill('SIGKILL'));
    for await (const line of createInterface({ input: killed.stderr }))
      if (line.includes('watching connections')) break;
    let seen: Seen | undefined;
    const { truth } = await runScenario(t, netns, ['under-load'], async (_, goOn) => {
      killed.kill('SIGKILL');
      await exited;
      seen = await watch(t);
      goOn();
    });
    assert.ok(seen !== undefined);
    const nodes = await seen.nodes();
    const [kept, last, busy] = truth;
    assert.ok(kept !== undefined && last !== undefined && busy !== undefined);
    assertTrue(nodes, [kept, last], inNamespace(netns));
    const ofLoad = edgesTo(nodes, new Set([busy.serverPort]), inNamespace(netns));
    const toServer = `${busy.serverPid} : ${busy.serverPort}`;
    // The client does one after the other: its end of the one that it closed just before the probe began is nobody's.
    const closedBefore = ofLoad.get(`? > ${toServer}`) ?? 0;
    assert.ok(closedBefore <= 1, `${closedBefore} connections have no client`);
    ofLoad.delete(`? > ${toServer}`);
    assert.deepEqual([...ofLoad.keys()], [`${busy.clientPid} > ${toServer}`]);
  },
);
