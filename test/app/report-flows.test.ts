/** Reports in Scope's form as flows: what counts in a window, and a Scope probe beside one of ours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Num, NUMBERS, NO_FAILURES, type FlowDefinition, type FlowNumbers } from '../../src/flows/flow.js';
import type { Statement } from '../../src/flows/statement.js';
import type { Window } from '../../src/app/window/window.js';
import type { Report } from '../../src/report/model/model.js';
import { fromMillis } from '../../src/report/model/timestamp.js';
import { edgeCounts, windowOf } from '../support/snapshot.js';
import { clientSide, endpointNode, hostNode, makeReport, processNode, serverSide } from './sample-reports.js';

const WINDOW_MS = 15_000;
const INTERVAL_MS = 3_000;
const START_MS = 1_700_000_000_000;

test('ports that come and go are the connections that existed in the window', () => {
  const ports = fc.uniqueArray(fc.integer({ min: 40_000, max: 40_005 }), { maxLength: 4 });
  fc.assert(
    fc.property(fc.array(ports, { minLength: 1, maxLength: 14 }), (reports) => {
      let nowMs = START_MS;
      const window = windowOf(() => nowMs, { windowMs: WINDOW_MS });
      /** Each time that a port was there without a break: when a report had it last. */
      const runs: { port: number; lastMs: number }[] = [];
      for (const present of reports) {
        window.add({ id: 'p', version: '', announcedMs: INTERVAL_MS }, reportOf(present));
        for (const port of present) {
          const run = runs.find((one) => one.port === port && one.lastMs === nowMs - INTERVAL_MS);
          if (run === undefined) runs.push({ port, lastMs: nowMs });
          else run.lastMs = nowMs;
        }
        const begunMs = nowMs - WINDOW_MS;
        const [flow] = window.flows();
        assert.equal(flow?.activity.connections ?? 0, runs.filter(({ lastMs }) => lastMs > begunMs).length);
        assert.equal(flow?.activity.live ?? 0, present.length);
        nowMs += INTERVAL_MS;
      }
    }),
    { numRuns: 200 },
  );
});

function reportOf(ports: readonly number[]): Report {
  return makeReport({
    Host: [hostNode('x')],
    Process: [processNode('x', 1, 'client'), processNode('x', 2, 'server')],
    Endpoint: [
      ...ports.map((port) => endpointNode(`;10.0.0.1;${port}`, { owner: ['x', 1], to: [';10.0.0.2;80'] })),
      endpointNode(';10.0.0.2;80', { owner: ['x', 2] }),
    ],
  });
}

test('a thinned group of which other ports are kept next time is no more connections', () => {
  let nowMs = START_MS;
  const window = windowOf(() => nowMs);
  const report = (port: number, count: number): Report =>
    makeReport({
      Host: [hostNode('x')],
      Endpoint: [
        endpointNode(`;10.0.0.1;${port}`, {
          owner: ['x', 1],
          to: [';10.0.0.2;80'],
          extra: { conn_count: String(count) },
        }),
        endpointNode(';10.0.0.2;80', { owner: ['x', 2] }),
      ],
    });
  for (const [port, count] of [
    [40_002, 300],
    [40_008, 301],
    [40_002, 300],
    [40_008, 300],
  ] as const) {
    window.add({ id: 'p', version: '' }, report(port, count));
    nowMs += INTERVAL_MS;
  }
  assert.equal(window.flows()[0]?.activity.connections, 301);
});

test('a connection of which the server becomes known is not counted twice', () => {
  let nowMs = START_MS;
  const window = windowOf(() => nowMs);
  const report = (pid: number | undefined): Report =>
    makeReport({
      Host: [hostNode('x')],
      Process: [processNode('x', 1, 'client'), processNode('x', 2, 'server')],
      Endpoint: [
        endpointNode(';10.0.0.1;40000', { owner: ['x', 1], to: [';10.0.0.2;80'] }),
        endpointNode(';10.0.0.2;80', pid === undefined ? {} : { owner: ['x', pid] }),
      ],
    });
  window.add({ id: 'p', version: '' }, report(undefined));
  nowMs += INTERVAL_MS;
  window.add({ id: 'p', version: '' }, report(2));
  assert.deepEqual(
    window.flows().map(({ server, activity }) => [server.process?.name, activity.connections]),
    [['server', 1]],
  );
});

function numbersOf(places: Partial<Record<keyof typeof Num, number>>): FlowNumbers {
  const numbers = new Float64Array(NUMBERS);
  for (const [place, value] of Object.entries(places)) numbers[Num[place as keyof typeof Num]] = value;
  return numbers;
}

/** What a probe of ours states where a Scope probe sends the report. */
function statementOf(side: 'client' | 'server'): Statement {
  const [host, pid, name] =
    side === 'client' ? (['alpha', 11, 'curl'] as const) : (['beta', 22, 'nginx'] as const);
  const own = { isHere: true, netns: 0, process: { pid, startTicks: 5, name } };
  const definition: FlowDefinition = {
    kind: 'ends',
    scope: '',
    client: { address: '10.0.0.1', isHere: false, netns: 0, ...(side === 'client' ? own : {}) },
    server: { address: '10.0.0.2', port: 80, isHere: false, netns: 0, ...(side === 'server' ? own : {}) },
    via: '',
    clientVia: '',
    direction: 'handshake',
    nat: '',
  };
  const ports = { modulus: 1, ports: Uint16Array.of(40_000), standsFor: Uint32Array.of(1) };
  const { topologies } = side === 'client' ? clientSide() : serverSide();
  return {
    version: 1,
    probe: `ours-${side}`,
    epoch: START_MS,
    seq: 1,
    base: 0,
    host,
    atMs: START_MS,
    intervalMs: INTERVAL_MS,
    flows: [
      {
        id: 1,
        definition,
        state: { numbers: numbersOf({ Opened: 1, Live: 1 }), failed: NO_FAILURES, ports },
      },
    ],
    gone: [],
    facts: new Map(
      [...topologies]
        .filter(([key]) => key !== 'Endpoint')
        .map(([key, { nodes }]) => [key, { nodes, gone: [] }]),
    ),
    dns: new Map(),
  };
}

function edges(fill: (window: Window) => void): [string, number][][] {
  const window = windowOf(() => START_MS);
  fill(window);
  return ['processes', 'processes-by-name', 'hosts'].map((view) => [...edgeCounts(window.snapshot(), view)]);
}

test('a Scope probe and one of ours give the same edges, at either end and side by side', () => {
  const scope = (window: Window, side: 'client' | 'server'): void =>
    window.add({ id: `scope-${side}`, version: '' }, side === 'client' ? clientSide() : serverSide());
  const ours = (window: Window, side: 'client' | 'server'): void => {
    assert.equal(window.state({ id: `ours-${side}`, version: '' }, statementOf(side)).taken, true);
  };
  const expected = edges((window) => {
    scope(window, 'client');
    scope(window, 'server');
  });
  assert.deepEqual(expected[0], [['alpha;11>beta;22', 1]]);
  for (const fill of [
    [ours, ours],
    [scope, ours],
    [ours, scope],
  ] as const) {
    assert.deepEqual(
      edges((window) => {
        fill[0](window, 'client');
        fill[1](window, 'server');
      }),
      expected,
    );
  }
  for (const order of [
    [scope, ours],
    [ours, scope],
  ] as const) {
    assert.deepEqual(
      edges((window) => {
        for (const side of ['client', 'server'] as const) for (const speak of order) speak(window, side);
      }),
      expected,
    );
  }
});

test('what is stated stands without being repeated, and is gone when it is taken back', () => {
  let nowMs = START_MS;
  const window = windowOf(() => nowMs);
  const probe = { id: 'ours-client', version: '' };
  const first = statementOf('client');
  assert.deepEqual(window.state(probe, first), { taken: true, seq: 1 });
  const beat = (seq: number, rest: Partial<Statement> = {}): unknown =>
    window.state(probe, { ...first, flows: [], facts: new Map(), seq, base: seq - 1, atMs: nowMs, ...rest });
  for (let seq = 2; seq < 12; seq++) {
    nowMs += INTERVAL_MS;
    assert.deepEqual(beat(seq), { taken: true, seq });
  }
  assert.deepEqual([...window.snapshot().nodes('Process').keys()], ['alpha;11']);
  assert.equal(window.flows()[0]?.activity.live, 1);
  const gone = { nodes: new Map(), gone: ['alpha;11'] };
  assert.deepEqual(beat(12, { facts: new Map([['Process', gone]]), gone: [1] }), { taken: true, seq: 12 });
  assert.equal(window.snapshot().nodes('Process').size, 0);
  for (let seq = 13; seq < 20; seq++) {
    nowMs += INTERVAL_MS;
    assert.deepEqual(beat(seq), { taken: true, seq });
  }
  assert.deepEqual(window.flows(), []);
  assert.deepEqual(beat(30), { taken: false, have: 19 });
  nowMs += 3 * WINDOW_MS;
  assert.deepEqual([window.counts().parts, window.counts().probes, window.counts().flows], [0, 0, 0]);
});

test('metrics that are stated alone are their node’s, and nothing else of it changes', () => {
  const window = windowOf(() => START_MS);
  const probe = { id: 'ours-client', version: '' };
  const first = statementOf('client');
  window.state(probe, first);
  const before = window.snapshot().nodes('Process').get('alpha;11')!;
  const sample = { date: fromMillis(START_MS), value: 42 };
  const metrics = new Map([
    ['alpha;11', new Map([['open_files_count', { samples: [sample], min: 42, max: 1024 }]])],
    ['alpha;404', new Map([['open_files_count', { samples: [sample], min: 42, max: 1024 }]])],
  ]);
  const facts = new Map([['Process' as const, { nodes: new Map(), gone: [], metrics }]]);
  assert.equal(window.state(probe, { ...first, flows: [], facts, seq: 2, base: 1 }).taken, true);
  const { metrics: known, ...rest } = window.snapshot().nodes('Process').get('alpha;11')!;
  const { metrics: _, ...restBefore } = before;
  assert.deepEqual(rest, restBefore);
  assert.equal(known?.get('open_files_count')?.samples.at(-1)?.value, 42);
  assert.equal(window.snapshot().nodes('Process').has('alpha;404'), false);
});
