/** Whatever happens in whatever order: each flow's numbers are the truth, and statements add up to the whole state. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Num, type FlowDefinition, type FlowState } from '../../src/flows/flow.js';
import type { Statement } from '../../src/flows/statement.js';
import type { ProbeState } from '../../src/probe/flows/probe-state.js';
import { newState, newsOf } from '../support/flow-state.js';
import { encode } from './records.js';
import { World, type FlowTruth, type Step, type News } from './model-world.js';

/** `TOPOPROBE_FLOW_CASES=10000` for more. */
const CASES = Number(process.env['TOPOPROBE_FLOW_CASES'] ?? 800);

interface Known {
  readonly definition: FlowDefinition;
  readonly state: FlowState;
}

function applied(before: ReadonlyMap<number, Known>, { base, flows, gone }: Statement): Map<number, Known> {
  const after = new Map(base === 0 ? [] : before);
  for (const id of gone) after.delete(id);
  for (const { id, definition, state } of flows) {
    const known = after.get(id);
    after.set(id, {
      definition: (definition ?? known?.definition)!,
      state: (state ?? known?.state)!,
    });
  }
  return after;
}

function keyOf({ client, server, via }: FlowDefinition): string {
  const pids = `(${client.process?.pid ?? 0} > ${server.process?.pid ?? 0})`;
  return `${client.address} > ${server.address}:${server.port} ${pids} ${via}`;
}

function truthOf({ numbers }: FlowState): FlowTruth {
  return {
    opened: numbers[Num.Opened]!,
    adopted: numbers[Num.Adopted]!,
    closed: numbers[Num.Closed]!,
    live: numbers[Num.Live]!,
    bytesSent: numbers[Num.BytesSent]!,
    bytesReceived: numbers[Num.BytesReceived]!,
  };
}

/** Without the flows that all connections have left. */
function flowsOf(known: ReadonlyMap<number, Known>): Record<string, FlowTruth> {
  const flows = new Map<string, FlowTruth>();
  for (const { definition, state } of known.values()) {
    const key = keyOf(definition);
    assert.ok(!flows.has(key) || definition.scope !== '', `two flows are ${key}`);
    const truth = truthOf(state);
    const other = flows.get(key);
    if (other !== undefined) for (const name of NAMES) truth[name] += other[name];
    if (Object.values(truth).some((number) => number !== 0)) flows.set(key, truth);
  }
  return sorted(flows);
}

const NAMES = ['opened', 'adopted', 'closed', 'live', 'bytesSent', 'bytesReceived'] as const;

function sorted(flows: ReadonlyMap<string, FlowTruth>): Record<string, FlowTruth> {
  return Object.fromEntries([...flows].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const step = fc.record<Step>(
  {
    kind: fc.constantFrom(
      ...([
        'open',
        'open',
        'close',
        'closeEnd',
        'transfer',
        'reveal',
        'handOver',
        'brief',
        'tick',
        'tick',
      ] as const),
    ),
    which: fc.nat(0xfff),
    how: fc.nat(0x3fff),
  },
  { noNullPrototype: true },
);

function take(state: ProbeState, { sockets, ...more }: News, isFirst: boolean): void {
  state.take(newsOf(encode(sockets), { isFirst, ...more }));
}

for (const reportsEnds of [true, false]) {
  const how = reportsEnds ? 'ends are reported' : 'sockets come and go';
  test(`after every tick each flow's numbers are the truth, and statements from any base add up to it, where ${how}`, () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }), fc.nat(), (steps, seed) => {
        const world = new World({ reportsEnds });
        let nowMs = 0;
        const state = newState({ clock: () => (nowMs += 4_000) });
        const known = new Map<number, ReadonlyMap<number, Known>>([[0, new Map()]]);
        for (const each of [...steps, { kind: 'tick', which: 0, how: 0 } as const]) {
          const news = world.step(each);
          if (news === undefined) continue;
          take(state, news, state.seq === 0);
          const { seq } = state;
          // Not always the whole first: what is made once is handed out again.
          const base = (seed + each.which) % seq;
          const increment = state.statementSince(base);
          const whole = applied(new Map(), state.statementSince(0));
          known.set(seq, whole);
          assert.deepEqual(applied(known.get(base)!, increment), whole);
          assert.deepEqual(flowsOf(whole), sorted(world.truth()));
        }
      }),
      { numRuns: CASES },
    );
  });
}

test('with room for few flows the sums are the truth all the same', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }),
      fc.integer({ min: 1, max: 5 }),
      (steps, maxFlows) => {
        const world = new World({ reportsEnds: true });
        const state = newState({ maxFlows });
        for (const each of [...steps, { kind: 'tick', which: 0, how: 0 } as const]) {
          const news = world.step(each);
          if (news === undefined) continue;
          take(state, news, state.seq === 0);
          const { flows } = state.statementSince(0);
          assert.ok(flows.length <= maxFlows + 1);
          for (const name of NAMES)
            assert.equal(
              flows.reduce((sum, flow) => sum + truthOf(flow.state!)[name], 0),
              [...world.truth().values()].reduce((sum, flow) => sum + flow[name], 0),
              name,
            );
        }
      },
    ),
    { numRuns: CASES / 4 },
  );
});
