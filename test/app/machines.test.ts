/** Machines with one name are kept apart, and one machine stays one. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { hostNodeId, processNodeId, renamedId } from '../../src/report/index.js';
import type { Latest, Report, Timestamp, Topology, TopologyKey } from '../../src/report/model/model.js';
import { now } from '../../src/report/model/timestamp.js';
import { Machines, usableName, type MachineFacts } from '../../src/app/window/machines.js';
import { MACHINES_SKIP } from '../machines/machine.js';
import { windowOf } from '../support/snapshot.js';
import { TOPOPROBE } from '../support/topoprobe.js';

const facts = (machine: string | undefined, boot?: string, source = 'machine-id'): MachineFacts => ({
  machine,
  boot,
  source: machine === undefined ? undefined : source,
});

/** What each of several reports, one a second, calls its host. */
function namesOf(reports: readonly MachineFacts[], secondsApart = 1): string[] {
  const machines = new Machines(15_000);
  return reports.map((one, i) => machines.nameOf('localhost', one, i * secondsApart * 1000));
}

test('one machine has its name, however many probes it has and wherever they run', () => {
  for (const reports of [
    [facts('a', '1'), facts('a', '1')],
    [facts('a', '1'), facts(undefined, '1'), facts('a', '1')],
    [facts('a', '1'), facts('d', '1', 'dmi'), facts('a', '1')],
    [facts('a', '1'), facts('a', '2'), facts('a', '2')], // it was started again
    [facts(undefined), facts(undefined)], // Scope's probes tell nothing
  ])
    assert.deepEqual(new Set(namesOf(reports)), new Set(['localhost']));
});

test('several machines with one name have names of their own, which stay', () => {
  for (const [one, other] of [
    [facts('a', '1'), facts('b', '2')],
    [facts('a', '1'), facts('b', '1')],
    [facts('a'), facts('b')],
    [facts(undefined, '1'), facts(undefined, '2')],
  ] as const) {
    const [first, ...names] = namesOf([one, other, one, other, one]);
    assert.equal(first, 'localhost');
    assert.equal(new Set(names).size, 2);
    for (const name of names) assert.match(name, /^localhost~[0-9a-f]{8}$/);
    assert.deepEqual([names[0], names[1]], [names[2], names[3]]);
  }
});

test('a machine that was copied with its id is told by its boot', () => {
  const names = namesOf([
    facts('a', '1'),
    facts('a', '2'),
    facts('a', '1'),
    facts('a', '2'),
    facts('a', '1'),
  ]);
  assert.equal(new Set(names.slice(2)).size, 2);
});

test('a machine that has the name of one that is gone has it alone', () => {
  assert.deepEqual(namesOf([facts('a', '1'), facts('b', '2')], 60), ['localhost', 'localhost']);
});

test('names that break ids are encoded', () => {
  for (const [name, usable] of [
    ['a;b', 'a%3bb'],
    ['a<host>', 'a%3chost%3e'],
    ['tab\there', 'tab%09here'],
    ['web-1.example', 'web-1.example'],
  ] as const)
    assert.equal(usableName(name), usable);
  assert.ok(usableName('x'.repeat(70_000)).length <= 253);
  assert.notEqual(usableName('x'.repeat(300)), usableName('x'.repeat(301)));
});

test('ids of the host begin with its new name, and no others', () => {
  for (const [id, renamed] of [
    ['web;12', 'w2;12'],
    ['web;<host>', 'w2;<host>'],
    ['web-4026531840;127.0.0.1;80', 'w2-4026531840;127.0.0.1;80'],
    ['web;fe80::1;80', 'w2;fe80::1;80'],
    [';10.0.0.1;80', ';10.0.0.1;80'],
    ['web-1;12', 'web-1;12'],
    ['webs;12', 'webs;12'],
  ] as const)
    assert.equal(renamedId(id, 'web', 'w2'), renamed);
});

function factsOf(timestamp: Timestamp, facts: Readonly<Record<string, string>>): ReadonlyMap<string, Latest> {
  return new Map(Object.entries(facts).map(([key, value]) => [key, { timestamp, value }]));
}

function reportOf(name: string, machine: string, pid: number): Report {
  const timestamp = now();
  const host = hostNodeId(name);
  const hostNode = {
    id: host,
    topology: 'host',
    latest: factsOf(timestamp, { host_name: name, machine_id: machine, machine_id_from: 'machine-id' }),
  };
  const id = processNodeId(name, pid);
  const process = {
    id,
    topology: 'process',
    latest: factsOf(timestamp, { pid: String(pid), host_node_id: host, cmdline: machine }),
    parents: new Map([['host', [host]]]),
  };
  return {
    id: '1',
    timestamp,
    topologies: new Map<TopologyKey, Topology>([
      ['Host', { nodes: new Map([[host, hostNode]]) }],
      ['Process', { nodes: new Map([[id, process]]) }],
    ]),
    dns: new Map(),
    windowNanos: 1,
  };
}

test('processes of two machines with one name and the same PIDs are not mixed', () => {
  let nowMs = 1_000_000;
  const window = windowOf(() => nowMs);
  const processes = (): Map<string, string | undefined> => {
    const nodes = window.newestFacts().topologies.get('Process')!.nodes;
    return new Map(Array.from(nodes, ([id, { latest }]) => [id, latest?.get('cmdline')?.value]));
  };
  for (let again = 0; again < 20; again++) {
    for (const machine of ['a', 'b'])
      window.add({ id: machine, version: '' }, reportOf('localhost', machine, 12));
    nowMs += 1000;
  }
  assert.deepEqual([...processes().values()].sort(), ['a', 'b']);
  for (const id of processes().keys()) assert.match(id, /^localhost~[0-9a-f]{8};12$/);
  const probes = window.probes();
  assert.deepEqual(
    probes.map(({ nameThere, machine }) => [nameThere, machine]),
    [
      ['localhost', 'a'],
      ['localhost', 'b'],
    ],
  );
  assert.throws(() => window.add({ id: 'c', version: '' }, reportOf('', 'c', 1)), /no name/);
  window.add({ id: 'd', version: '' }, reportOf('a;b', 'd', 7));
  assert.ok(processes().has('a%3bb;7'));
});

const DEADLINE_MS = 30_000;

/** A command in a mount namespace where the machine has another id. */
function start(t: TestContext, machineId: string, args: readonly string[]): ChildProcess {
  const script =
    'mount -t tmpfs none /run/lock 2>/dev/null || mount -t tmpfs none /mnt; at=/mnt; ' +
    '[ -w /run/lock ] && at=/run/lock; echo "$1" > $at/id; [ -e /etc/machine-id ] || exit 77; ' +
    'mount --bind $at/id /etc/machine-id; shift; exec "$@"';
  const child = spawn(
    'unshare',
    [
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-c',
      script,
      'sh',
      machineId,
      process.execPath,
      TOPOPROBE,
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return child;
}

test(
  'real probes: two machines called localhost, and two probes on each',
  { skip: MACHINES_SKIP },
  async (t) => {
    const app = start(t, '', ['app', '--listen', '127.0.0.1:0', '--log-level', 'error']);
    const url = await new Promise<string>((resolve) => {
      app.stdout!.on('data', (chunk: Buffer) => {
        const found = /http:\/\/\S+/.exec(chunk.toString())?.[0];
        if (found !== undefined) resolve(found);
      });
    });
    const options = [
      '--hostname',
      'localhost',
      '--source',
      'proc',
      '--metrics-listen',
      'off',
      '--log-level',
      'error',
    ];
    for (const digit of ['a', 'a', 'b', 'b'])
      start(t, digit.repeat(32), ['probe', url, '--publish-interval', '500ms', ...options]);
    interface Row {
      readonly hostname: string;
      readonly nameThere?: string;
      readonly machine?: string;
    }
    let rows: Row[] = [];
    const isTold = (): boolean =>
      rows.length === 4 && rows.every(({ nameThere }) => nameThere === 'localhost');
    const giveUpAt = performance.now() + DEADLINE_MS;
    while (!isTold()) {
      assert.ok(performance.now() < giveUpAt, `never four probes on two machines: ${JSON.stringify(rows)}`);
      const answer = await fetch(`${url}/api/v1/probes`);
      rows = ((await answer.json()) as { probes: Row[] }).probes;
    }
    const machines = new Map(rows.map(({ machine, hostname }) => [machine, hostname]));
    assert.equal(machines.size, 2);
    assert.equal(new Set(machines.values()).size, 2);
    for (const { machine, hostname } of rows) assert.equal(hostname, machines.get(machine));
  },
);
