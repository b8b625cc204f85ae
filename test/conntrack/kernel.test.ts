/** What the kernel really reports of translated connections, by netlink and as text. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { openNetlink } from 'ebpf-bridge/netlink';
import {
  dumpRequest,
  EventGroup,
  FlowTcpState,
  LIST_FLOWS,
  natBitsOf,
  natEventFilter,
  readConntrackMessages,
  readConntrackText,
  type ConntrackFlow,
} from '../../src/conntrack-parser/index.js';
import { dump, NetlinkProtocol } from '../../src/netlink/index.js';
import type { Namespace } from '../support/namespace.js';
import { startNodeProgram } from '../support/program.js';
import { show, tuplesOf, type Shown } from './flow-text.js';
import { connectOver, createNatNetwork, occupy, rootSkip, ROUTES, translate } from './nat-network.js';

const READ_BYTES = 1 << 20;

const netnsPath = ({ name }: Namespace): string => `/run/netns/${name}`;

async function dumpFlows(netns: Namespace): Promise<Shown[]> {
  const socket = await openNetlink({ protocol: NetlinkProtocol.Netfilter, netnsPath: netnsPath(netns) });
  const flows: Shown[] = [];
  try {
    const bounds = { readBytes: READ_BYTES, answerBytes: 1 << 30 };
    const isWhole = await dump(socket, dumpRequest(), bounds, LIST_FLOWS, (part) =>
      readConntrackMessages(part, (flow) => flows.push(show(flow))),
    );
    assert.ok(isWhole);
  } finally {
    await socket.close();
  }
  return flows;
}

function readText(netns: Namespace): Shown[] {
  const text = execFileSync('ip', ['netns', 'exec', netns.name, 'cat', '/proc/net/nf_conntrack']);
  const flows: Shown[] = [];
  const { malformed } = readConntrackText(text, (flow) => flows.push(show(flow)));
  assert.equal(malformed, 0);
  return flows;
}

/** What text has too, and does not change between two readings. */
const lasting = ({ tuples, tcpState, mark, originalZone, replyZone, originalBytes }: Shown): object => ({
  tuples,
  tcpState,
  mark,
  originalZone,
  replyZone,
  originalBytes,
});

for (const route of ROUTES) {
  test(
    `${route.name}: netlink and text report the same of the real connection`,
    { skip: rootSkip },
    async (t) => {
      const { router, client, dialled, dialledPort, clientEnd, clientPort, serverAddress } =
        await connectOver(t, route);
      const netns = route.name.includes('at the client') ? client : router;
      const [flow, ...others] = await dumpFlows(netns);
      assert.deepEqual(others, []);
      assert.ok(flow !== undefined);
      assert.ok(
        flow.tuples.startsWith(`${clientEnd} ${clientPort} > ${dialled} ${dialledPort} |`),
        flow.tuples,
      );
      assert.ok(flow.tuples.includes(`| ${serverAddress} 8080 >`), flow.tuples);
      assert.equal(flow.tcpState, FlowTcpState.Established);
      assert.ok(flow.id > 0);
      assert.deepEqual(readText(netns).map(lasting), [lasting(flow)]);
    },
  );
}

test('zones and counters, where they are switched on', { skip: rootSkip }, async (t) => {
  const network = createNatNetwork(t);
  const { router, client, server, serverAddress } = network;
  const exec = (...command: string[]): void => {
    execFileSync('ip', ['netns', 'exec', router.name, ...command], { stdio: 'pipe' });
  };
  exec('sysctl', '-qw', 'net.netfilter.nf_conntrack_acct=1', 'net.netfilter.nf_conntrack_timestamp=1');
  exec('iptables-legacy', '-w', '-t', 'raw', '-A', 'PREROUTING', '-j', 'CT', '--zone', '42');
  await startNodeProgram(t, 'echo-server', [serverAddress, 8080], server.name);
  await startNodeProgram(t, 'held-connection', [serverAddress, 8080], client.name);
  const [flow] = await dumpFlows(router);
  assert.deepEqual([flow?.originalZone, flow?.replyZone], [42, 42]);
  assert.ok((flow?.originalPackets ?? 0) >= 2 && (flow?.replyPackets ?? 0) >= 1);
  assert.ok((flow?.startMillis ?? 0) > Date.UTC(2020, 0));
  const [text] = readText(router);
  assert.deepEqual(
    [text?.originalZone, text?.originalPackets, text?.replyBytes],
    [42, flow?.originalPackets, flow?.replyBytes],
  );
});

async function events(t: TestContext, netns: Namespace): Promise<() => Promise<ConntrackFlow[]>> {
  const socket = await openNetlink({
    protocol: NetlinkProtocol.Netfilter,
    netnsPath: netnsPath(netns),
    groups: [EventGroup.New, EventGroup.Destroy],
    filter: natEventFilter(),
  });
  t.after(() => socket.close());
  return async () => {
    const flows: ConntrackFlow[] = [];
    const { data } = await socket.receive(READ_BYTES);
    readConntrackMessages(new Uint8Array(data), (flow) => {
      flows.push({ ...flow, addresses: flow.addresses.slice(), ports: flow.ports.slice() });
    });
    return flows;
  };
}

test('events of translated flows only wait in the socket', { skip: rootSkip }, async (t) => {
  const network = createNatNetwork(t);
  const { router, client, server, serverAddress, nearAddress } = network;
  const to = `${serverAddress}:8080`;
  translate(router, 'IPv4', 'PREROUTING', '-p', 'tcp', '-d', nearAddress, '-j', 'DNAT', '--to', to);
  await occupy(t, router);
  const take = await events(t, router);
  await startNodeProgram(t, 'echo-server', [serverAddress, 8080], server.name);
  await startNodeProgram(t, 'held-connection', [serverAddress, 8080], client.name);
  const translated = await startNodeProgram(t, 'held-connection', [nearAddress, 80], client.name);
  const [flow, ...others] = await take();
  assert.deepEqual(others, []);
  assert.ok(flow !== undefined && natBitsOf(flow) !== 0);
  assert.ok(tuplesOf(flow).includes(` ${translated.firstLine} > ${nearAddress} 80 `), tuplesOf(flow));
  assert.deepEqual(await take(), []);
  execFileSync('ip', ['netns', 'exec', router.name, 'conntrack', '-F'], { stdio: 'pipe' });
  const [ended] = await take();
  assert.ok(ended?.destroyed === true && tuplesOf(ended) === tuplesOf(flow));
});

test(
  'a socket in another namespace is there and the program stays where it was',
  { skip: rootSkip },
  async (t) => {
    const before = statSync('/proc/self/ns/net').ino;
    const { router } = createNatNetwork(t);
    const take = await events(t, router);
    assert.deepEqual(await take(), []);
    assert.equal(statSync('/proc/thread-self/ns/net').ino, before);
  },
);
