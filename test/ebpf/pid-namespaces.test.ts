/**
 * Several nodes on one kernel, as of kind and LXC: each probe reports PIDs of its own PID namespace, of older and of new
 * connections, on whatever level it is; and not what is another node's.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { edgesTo, type Edge, type JsonReport } from '../support/edges.js';
import { createNamespace } from '../support/namespace.js';
import { createPidNamespace, outerPid, type Nested } from '../support/pid-namespace.js';
import { startProgram } from '../support/program.js';
import { reportWhile } from '../support/report-while.js';
import { needsRung } from '../support/rung.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { ebpfSkip } from './requirements.js';

const skip = ebpfSkip || needsRung('files');

/** Says who is its server, who its client, and which port; the connection stays. A worker serves, not who listens. */
const CONNECTION = `
import os, socket
server = socket.create_server(('127.0.0.1', 0))
port = server.getsockname()[1]
readable, writable = os.pipe()
def say(): os.write(writable, b'%d ' % os.getpid())
worker = os.fork()
if worker == 0:
    connection = server.accept()[0]
    connection.recv(1)
    say(); connection.sendall(b'x'); os.read(0, 1); os._exit(0)
server.close()
client = os.fork()
if client == 0:
    connection = socket.create_connection(('127.0.0.1', port))
    connection.sendall(b'x')
    connection.recv(1); say(); os.read(0, 1); os._exit(0)
said = b''
while said.count(b' ') < 2: said += os.read(readable, 100)
print(said.decode() + str(port), flush=True)
os.read(0, 1)
`;

interface Pair {
  readonly server: number;
  readonly client: number;
  readonly port: number;
}

async function connection(t: TestContext, enter: readonly string[]): Promise<Pair> {
  const { firstLine } = await startProgram(t, [...enter, 'python3', '-c', CONNECTION]);
  const [server = 0, client = 0, port = 0] = firstLine.split(' ').map(Number);
  return { server, client, port };
}

const processes = ({ fromPid, toPid, connections }: Edge): unknown => [fromPid, toPid, connections];
const seen = (report: JsonReport, { port }: Pair): unknown => edgesTo(report, port).map(processes);
const inside = ({ client, server }: Pair): unknown => [[String(client), String(server), 1]];
const outside = (nested: Nested, { client, server }: Pair): unknown => [
  [String(outerPid(nested, client)), String(outerPid(nested, server)), 1],
];
const WITHOUT_PROCESS = [[undefined, undefined, 1]];

/** A report by a probe somewhere, with a connection that is older, and one that is made while it watches. */
async function reported(
  t: TestContext,
  at: readonly string[],
  by: readonly string[],
  options: { env?: Readonly<Record<string, string>> } = {},
): Promise<{ report: JsonReport; old: Pair; fresh: Pair }> {
  const old = await connection(t, at);
  let fresh: Pair | undefined;
  const report = await reportWhile(
    t,
    async () => {
      fresh = await connection(t, at);
    },
    { duration: '3s', within: by, ...options },
  );
  assert.ok(fresh !== undefined);
  return { report, old, fresh };
}

function hostFact({ Host }: JsonReport, key: string): string | undefined {
  const [host] = Object.values(Host.nodes);
  return host?.latest?.[key]?.value;
}

for (const [depth, what] of [
  [1, 'a PID namespace'],
  [2, 'a PID namespace within another'],
] as const)
  for (const sharesNetwork of [false, true])
    test(
      `a probe in ${what}${sharesNetwork ? ', in the network of all others,' : ''} reports the PIDs of that one`,
      { skip },
      async (t) => {
        const netns = createNamespace(t);
        let nested: Nested = { pid: process.pid, enter: ['ip', 'netns', 'exec', netns.name] };
        for (let level = 0; level < depth; level++)
          nested = await createPidNamespace(t, { within: nested, sharesNetwork });
        const foreign = await connection(t, ['ip', 'netns', 'exec', netns.name]);
        const { report, old, fresh } = await reported(t, nested.enter, nested.enter);
        assert.deepEqual(seen(report, old), inside(old));
        assert.deepEqual(seen(report, fresh), inside(fresh));
        assert.deepEqual(seen(report, foreign), sharesNetwork ? WITHOUT_PROCESS : []);
        if (!sharesNetwork) assert.ok(Number(hostFact(report, 'foreign_sockets')) >= 2);
        assert.match(hostFact(report, 'not_seen_processes') ?? '', /host’s PID namespace/);
        assert.equal(hostFact(report, 'not_seen_open_files'), undefined);
        assert.equal(hostFact(report, 'captured_percent'), '100');
      },
    );

test('two nodes on one kernel: each probe reports its own, the host all', { skip }, async (t) => {
  const [a, b] = [await createPidNamespace(t), await createPidNamespace(t)];
  const inB = await connection(t, b.enter);
  const { report, old, fresh } = await reported(t, a.enter, a.enter);
  assert.deepEqual([seen(report, old), seen(report, fresh)], [inside(old), inside(fresh)]);
  assert.deepEqual(seen(report, inB), []);
  const host = await reportWhile(t, () => Promise.resolve(), { duration: '1s' });
  for (const [nested, pair] of [
    [a, old],
    [a, fresh],
    [b, inB],
  ] as const)
    assert.deepEqual(seen(host, pair), outside(nested, pair));
  assert.equal(hostFact(host, 'not_seen_processes'), undefined);
  assert.equal(hostFact(host, 'foreign_sockets'), undefined);
});

test("the host's probe sees connections of nested namespaces under its own PIDs", { skip }, async (t) => {
  const nested = await createPidNamespace(t, { within: await createPidNamespace(t) });
  const { report, old, fresh } = await reported(t, nested.enter, []);
  assert.deepEqual(seen(report, old), outside(nested, old));
  assert.deepEqual(seen(report, fresh), outside(nested, fresh));
});

test(
  "with a node's /proc as its root, the host's probe reports that node's PIDs and no other's",
  { skip },
  async (t) => {
    const [node, other] = [await createPidNamespace(t), await createPidNamespace(t)];
    const elsewhere = await connection(t, other.enter);
    const env = { TOPOPROBE_PROC_ROOT: `/proc/${node.pid}/root/proc` };
    const { report, old, fresh } = await reported(t, node.enter, [], { env });
    assert.deepEqual([seen(report, old), seen(report, fresh)], [inside(old), inside(fresh)]);
    assert.deepEqual(seen(report, elsewhere), []);
  },
);

test(
  "with the host's /proc mounted elsewhere, a nested probe reports the host's PIDs, and what it can't know",
  { skip },
  async (t) => {
    const mount = mkdtempSync(join(tmpdir(), 'tp-proc-'));
    execFileSync('mount', ['--rbind', '/proc', mount]);
    t.after(() => {
      execFileSync('umount', ['-l', mount]);
      rmdirSync(mount);
    });
    const nested = await createPidNamespace(t, { sharesNetwork: true });
    const netns = createNamespace(t);
    const here = ['ip', 'netns', 'exec', netns.name];
    const env = { TOPOPROBE_PROC_ROOT: mount };
    const { report, old, fresh } = await reported(t, here, nested.enter, { env });
    assert.deepEqual(seen(report, fresh), inside(fresh));
    assert.deepEqual(seen(report, old), WITHOUT_PROCESS);
    assert.match(hostFact(report, 'not_seen_open_files') ?? '', /hostPID: true/);
    assert.equal(hostFact(report, 'not_seen_processes'), undefined);
    assert.equal(hostFact(report, 'captured_percent'), '100');
  },
);

test('doctor says what is not seen, in words and in JSON', { skip }, async (t) => {
  const { enter } = await createPidNamespace(t);
  const rest = [...enter.slice(1), process.execPath, TOPOPROBE, 'doctor'];
  const file = enter[0] ?? '';
  assert.match(
    execFileSync(file, rest, { encoding: 'utf8' }),
    /not seen: processes +refused +processes outside/,
  );
  const json = JSON.parse(execFileSync(file, [...rest, '--json'], { encoding: 'utf8' })) as {
    coverage: { limits: { what: string; lost: string; remedy: string }[] };
  };
  assert.deepEqual(
    json.coverage.limits.map(({ what }) => what),
    ['processes'],
  );
});
