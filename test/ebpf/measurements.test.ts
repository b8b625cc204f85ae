/**
 * Measurements of connections are those that the kernel gives their own processes, and reach the report with their evidence.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createNamespace, type Namespace } from '../support/namespace.js';
import { startNodeProgram, startProgram, type Program } from '../support/program.js';
import { needsRung, startEbpf } from '../support/rung.js';
import { WatchedSource } from '../support/watched-source.js';
import { ebpfSkip } from './requirements.js';

/**
 * Keeps one connection; prints its port and the microseconds that connect() took. For each line "N" it sends N bytes,
 * takes as many back, and prints the kernel's values of the connection (struct tcp_info of include/uapi/linux/tcp.h).
 */
const MEASURED_CLIENT = `
import json, socket, struct, sys, time
begun = time.monotonic_ns()
client = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print(client.getsockname()[1], (time.monotonic_ns() - begun) // 1000, flush=True)
for line in sys.stdin:
    left = int(line)
    client.sendall(b'x' * left)
    while left > 0: left -= len(client.recv(left))
    info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    at = lambda form, offset: struct.unpack_from(form, info, offset)[0]
    print(json.dumps({'rtt': at('I', 68), 'retransmits': at('I', 100)}), flush=True)
`;

interface TcpInfo {
  readonly rtt: number;
  readonly retransmits: number;
}

async function ask(client: Program, bytes: number, meanwhile: () => Promise<void>): Promise<TcpInfo> {
  assert.ok(client.child.stdin && client.child.stdout);
  const line = once(createInterface({ input: client.child.stdout }), 'line');
  client.child.stdin.write(`${bytes}\n`);
  await meanwhile();
  const [info] = (await line) as [string];
  return JSON.parse(info) as TcpInfo;
}

type Facts = (id: string, key: string) => string | undefined;

async function factsOf(t: TestContext, traffic: () => Promise<void>): Promise<[Facts, readonly string[]]> {
  const source = await startEbpf();
  t.after(() => source.close());
  await source.seeded();
  await traffic();
  const { nodes } = await new WatchedSource(source).last();
  return [(id, key) => nodes.get(id)?.latest?.get(key)?.value, [...nodes.keys()]];
}

const endpoint = ({ inode }: Namespace, port: string): string => `vm-${inode};127.0.0.1;${port}`;

test(
  'round-trip time, retransmits, connect latency and bytes are the kernel’s own',
  { skip: ebpfSkip || needsRung('sockets') },
  async (t) => {
    const netns = createNamespace(t);
    const firewall = (change: '-A' | '-D', port: string): void => {
      const rule = ['INPUT', '-p', 'tcp', '--dport', port, '-j', 'DROP'];
      execFileSync('ip', ['netns', 'exec', netns.name, 'iptables-legacy', '-w', change, ...rule]);
    };
    const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], netns.name);
    const { firstLine: serverPort } = server;
    const BYTES = 1000;
    let port = '';
    let connectTook = '';
    let info: TcpInfo = { rtt: 0, retransmits: 0 };
    let clientPid = 0;
    const [facts] = await factsOf(t, async () => {
      const command = ['python3', '-c', MEASURED_CLIENT, '127.0.0.1', serverPort];
      const client = await startProgram(t, ['ip', 'netns', 'exec', netns.name, ...command]);
      clientPid = client.pid;
      [port = '', connectTook = ''] = client.firstLine.split(' ');
      firewall('-A', serverPort);
      // Whatever is sent first is dropped, and sent again until the rule is gone.
      info = await ask(client, BYTES, async () => {
        const dropped = (): boolean =>
          /^\s*([1-9]\d*)\s/m.test(
            execFileSync('ip', ['netns', 'exec', netns.name, 'iptables-legacy', '-w', '-nvxL', 'INPUT'], {
              encoding: 'utf8',
            }).replace(/^Chain.*$/m, ''),
          );
        while (!dropped()) await sleep(10);
        firewall('-D', serverPort);
      });
    });
    const client = endpoint(netns, port);
    const expected: readonly (readonly [string, unknown])[] = [
      ['rtt_us', info.rtt],
      ['retransmits', info.retransmits],
      ['bytes_sent', BYTES],
      ['bytes_received', BYTES],
      ['pid', clientPid],
      ['direction_evidence', 'handshake'],
      ['pid_evidence', 'use'],
    ];
    for (const [key, value] of expected) assert.equal(facts(client, key), String(value), key);
    assert.ok(info.retransmits > 0 && info.rtt > 0);
    const connectMicros = Number(facts(client, 'connect_us'));
    assert.ok(
      connectMicros > 0 && connectMicros <= Number(connectTook),
      `${connectMicros} of ${connectTook}`,
    );
    const served = endpoint(netns, serverPort);
    assert.deepEqual([facts(served, 'pid'), facts(served, 'pid_evidence')], [String(server.pid), 'use']);
  },
);

test('no byte and no connection is lost by thinning', { skip: ebpfSkip }, async (t) => {
  const netns = createNamespace(t);
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], netns.name);
  const CONNECTIONS = 300;
  const PAYLOAD = 64;
  const [facts, ids] = await factsOf(t, async () => {
    const args = ['127.0.0.1', server.firstLine, CONNECTIONS];
    await startNodeProgram(t, 'short-connections', args, netns.name);
  });
  const clients = ids.filter(
    (id) => id.startsWith(`vm-${netns.inode};`) && id !== endpoint(netns, server.firstLine),
  );
  const sum = (key: string): number => clients.reduce((total, id) => total + Number(facts(id, key) ?? 1), 0);
  assert.ok(clients.length < CONNECTIONS / 10, `${clients.length} are kept`);
  assert.deepEqual(
    [sum('conn_count'), sum('bytes_sent'), sum('bytes_received')],
    [CONNECTIONS, CONNECTIONS * PAYLOAD, CONNECTIONS * PAYLOAD],
  );
});
