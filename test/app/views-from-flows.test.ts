/** Where views put the ends of flows: by process, by machine, outside of the fleet, or at nodes that say what is not known. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JoinedEnd, JoinedFlow } from '../../src/app/flows/joined-flow.js';
import { Snapshot } from '../../src/app/flows/snapshot.js';
import { nameNode } from '../../src/app/describe/labels.js';
import { viewById } from '../../src/app/views/catalogue.js';
import { activityBetween } from '../../src/flows/window.js';
import { Num, NUMBERS, type FlowProcess } from '../../src/flows/flow.js';
import type { Report } from '../../src/report/model/model.js';
import { facts, hostNode, makeNode, makeReport, processNode } from './sample-reports.js';

const VIEWS = ['processes', 'processes-by-name', 'hosts'] as const;

function end(address: string, port: number, rest: Partial<JoinedEnd> = {}): JoinedEnd {
  return {
    scope: '',
    address,
    port,
    host: undefined,
    process: undefined,
    evidence: undefined,
    isAmbiguous: false,
    facts: undefined,
    ...rest,
  };
}

const process = (pid: number, startTicks: number, name: string): FlowProcess => ({ pid, startTicks, name });
const CLIENT = end('10.0.0.1', 0, { host: 'a', process: process(1, 100, 'client') });

function flow(server: JoinedEnd, rest: Partial<JoinedFlow> = {}, connections = 1): JoinedFlow {
  const numbers = new Float64Array(NUMBERS);
  numbers[Num.Opened] = numbers[Num.Live] = connections;
  const activity = activityBetween(undefined, numbers);
  return {
    client: CLIENT,
    server,
    via: '',
    activity,
    byClient: activity,
    byServer: undefined,
    spanMs: 0,
    failures: new Map(),
    direction: '',
    nat: '',
    isSampled: false,
    ports: [],
    ...rest,
  };
}

function fleet(flows: readonly JoinedFlow[], more: Parameters<typeof makeReport>[0] = {}): Snapshot {
  const report: Report = makeReport({
    Host: [hostNode('a', ['10.0.0.1/24']), hostNode('b', ['10.0.0.2/24'])],
    Process: [
      processNode('a', 1, 'client', { start_ticks: '100' }),
      processNode('b', 7, 'new', { start_ticks: '200' }),
    ],
    ...more,
  });
  return new Snapshot({ report, flows, isOwned: (address) => ['10.0.0.1', '10.0.0.2'].includes(address) });
}

/** Ids and labels of what the client leads to, view by view. */
function targets(snapshot: Snapshot, views: readonly string[] = VIEWS): Record<string, string[]> {
  const all = views.map((view) => {
    const graph = viewById(view)!.graph(snapshot);
    const to = [...graph.edges.values()].flatMap((edges) => [...edges.keys()]);
    const labels = to.map((id) => {
      const { label, labelMinor } = nameNode(snapshot.report, graph.nodes.get(id)!);
      return `${label} (${labelMinor})`;
    });
    return [view, labels.sort()] as const;
  });
  return Object.fromEntries(all);
}

test("a flow of a process whose PID another one has is not the new owner's", () => {
  const old = flow(end('10.0.0.2', 80, { host: 'b', process: process(7, 100, 'old') }));
  assert.deepEqual(targets(fleet([old])), {
    processes: ['old (b (7~100))'],
    'processes-by-name': ['old (1 process)'],
    hosts: ['b ()'],
  });
  const own = flow(end('10.0.0.2', 80, { host: 'b', process: process(7, 200, 'new') }));
  assert.deepEqual(targets(fleet([own]))['processes'], ['new (b (7))']);
  const unknown = flow(end('10.0.0.2', 80, { host: 'b', process: process(7, 0, 'new') }));
  assert.deepEqual(targets(fleet([unknown]))['processes'], ['new (b (7))']);
});

test('a process that has ended keeps its name', () => {
  const ended = flow(end('10.0.0.2', 80, { host: 'b', process: process(9, 100, 'short') }));
  assert.deepEqual(targets(fleet([ended])), {
    processes: ['short (b (9))'],
    'processes-by-name': ['short (1 process)'],
    hosts: ['b ()'],
  });
});

test('an end that may be in any of several networks is a node that says so, in every view', () => {
  const ambiguous = flow(end('172.17.0.3', 80, { isAmbiguous: true }));
  for (const labels of Object.values(targets(fleet([ambiguous]))))
    assert.deepEqual(labels, ['172.17.0.3:80 (ambiguous: several networks have this address)']);
});

test('an address that is dialled in vain and owned by no process is a node in every view, its machine known or not', () => {
  for (const host of [undefined, 'b']) {
    const dead = flow(end('10.0.0.2', 81, { host }), { failures: new Map([['refused', 3]]) }, 0);
    for (const labels of Object.values(targets(fleet([dead]))))
      assert.deepEqual(labels, ['10.0.0.2:81 (nobody listens)']);
    const answering = flow(end('10.0.0.2', 81, { host: 'b', process: process(7, 200, 'new') }));
    assert.ok(!JSON.stringify(targets(fleet([dead, answering]))).includes('nobody listens'));
  }
});

test('an address of the fleet of which nobody knows the server stays that address, and is never the Internet', () => {
  for (const labels of Object.values(targets(fleet([flow(end('10.0.0.2', 30_080))]))))
    assert.deepEqual(labels, ['10.0.0.2:30080 (dialled, server unknown)']);
});

test('of a server without a probe, a service that was dialled is known', () => {
  const service = makeNode('s;<service>', 'service', {
    latest: facts({ kubernetes_name: 'web', kubernetes_ip: '10.96.0.1' }),
  });
  const behind = flow(end('10.9.0.7', 8080), { via: '10.96.0.1:80' });
  const shown = targets(fleet([behind], { Service: [service] }), ['services', 'hosts']);
  assert.deepEqual(shown['services'], ['web (0 pods)']);
  assert.match(shown['hosts']![0]!, /Other private network/);
});
