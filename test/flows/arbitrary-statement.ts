/** Generated statements, in the form that reading gives: sets sorted, nothing empty. */
import fc from 'fast-check';
import {
  NO_FAILURES,
  NO_PORTS,
  NUMBERS,
  PORTS_MAX,
  type FlowDefinition,
  type FlowEnd,
  type FlowPorts,
  type FlowProcess,
  type FlowState,
} from '../../src/flows/flow.js';
import type { StatedFacts, StatedFlow, Statement } from '../../src/flows/statement.js';
import type { Metric, Topology, TopologyKey } from '../../src/report/model/model.js';
import { report } from '../report/arbitrary-report.js';

function record<T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T, keyof T>(fields, { noNullPrototype: true });
}

/** Without the keys whose value is undefined. */
function compact<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

const name = fc.constantFrom('nginx', '__proto__', 'constructor', 'é', '😀', 'a'.repeat(60));
const text = fc.oneof(fc.constant(''), name);
const whole = fc.oneof(
  fc.constant(0),
  fc.nat(300),
  fc.maxSafeNat(),
  fc.constantFrom(127, 128, 2 ** 31, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER),
);

const flowProcess: fc.Arbitrary<FlowProcess> = record({ pid: fc.nat(9), startTicks: whole, name: text });

const end: fc.Arbitrary<FlowEnd> = record({
  address: fc.constantFrom('10.0.0.1', '10.0.0.2', '2001:db8::1', '127.0.0.1'),
  process: fc.option(flowProcess, { nil: undefined }),
  evidence: fc.option(fc.constantFrom('socket', 'listener', 'what nobody knows yet'), { nil: undefined }),
  isHere: fc.boolean(),
  netns: whole,
  facts: fc.option(
    fc
      .uniqueArray(fc.tuple(name, text), { minLength: 1, maxLength: 3, selector: ([key]) => key })
      .map((facts) => new Map(facts)),
    { nil: undefined },
  ),
}).map((fields) => compact<FlowEnd>(fields));

const definition: fc.Arbitrary<FlowDefinition> = record({
  kind: fc.constantFrom('ends' as const, 'forwarded' as const),
  scope: fc.constantFrom('', 'h', 'h-4026531840'),
  client: end,
  server: fc.tuple(end, fc.integer({ min: 0, max: 0xffff })).map(([rest, port]) => ({ ...rest, port })),
  via: fc.constantFrom('', '10.96.0.1:443', '[2001:db8::1]:80'),
  clientVia: fc.constantFrom('', '192.0.2.1'),
  direction: fc.constantFrom('', 'handshake', 'port-guess'),
  nat: fc.constantFrom('', 'conntrack'),
});

const ports: fc.Arbitrary<FlowPorts> = fc
  .tuple(
    fc.constantFrom(1, 3, 9, 729),
    fc.uniqueArray(fc.tuple(fc.nat(0xffff), fc.constantFrom(1, 2, 0xffff_ffff)), {
      maxLength: PORTS_MAX,
      selector: ([port]) => port,
    }),
  )
  .map(([modulus, pairs]) => {
    const kept = pairs.filter(([port]) => port % modulus === 0).sort(([a], [b]) => a - b);
    return {
      modulus,
      ports: Uint16Array.from(kept, ([port]) => port),
      standsFor: Uint32Array.from(kept, ([, standsFor]) => standsFor),
    };
  });

const state: fc.Arbitrary<FlowState> = record<Omit<FlowState, 'portPairs'> & { pairs: number | undefined }>({
  numbers: fc
    .array(whole, { minLength: NUMBERS, maxLength: NUMBERS })
    .map((numbers) => Float64Array.from(numbers)),
  failed: fc
    .uniqueArray(fc.tuple(fc.constantFrom('refused', 'no answer', '__proto__'), whole), {
      maxLength: 3,
      selector: ([reason]) => reason,
    })
    .map((failed) => (failed.length === 0 ? NO_FAILURES : new Map(failed))),
  ports: fc.oneof(fc.constant(NO_PORTS), ports),
  pairs: fc.option(fc.nat(0xffff), { nil: undefined }),
}).map(({ pairs, ...rest }) =>
  compact<FlowState>({
    ...rest,
    portPairs: pairs === undefined ? undefined : rest.ports.ports.map((port) => port ^ pairs),
  }),
);

const ids = fc
  .uniqueArray(fc.oneof(fc.nat(40), fc.maxSafeNat()), { maxLength: 12 })
  .map((list) => list.sort((a, b) => a - b));

function flow(id: number, isWhole: boolean): fc.Arbitrary<StatedFlow> {
  const part = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    isWhole ? of : fc.option(of, { nil: undefined });
  return record({ id: fc.constant(id), definition: part(definition), state: part(state) }).map((fields) =>
    compact<StatedFlow>(fields),
  );
}

function factsOf(topology: Topology, isFramed: boolean, gone: readonly string[]): StatedFacts {
  const { nodes: all, ...frame } = topology;
  const nodes = new Map(all);
  const metrics = new Map<string, ReadonlyMap<string, Metric>>();
  // Of every second node that has metrics, nothing else is stated.
  for (const node of all.values()) {
    if (node.metrics === undefined || (nodes.size + metrics.size) % 2 === 0) continue;
    nodes.delete(node.id);
    metrics.set(node.id, node.metrics);
  }
  return {
    nodes,
    ...(metrics.size > 0 && { metrics }),
    gone: gone.filter((id) => !all.has(id)),
    ...(isFramed && { frame }),
  };
}

const facts: fc.Arbitrary<Map<TopologyKey, StatedFacts>> = fc
  .tuple(report, fc.boolean(), fc.uniqueArray(name, { maxLength: 3 }))
  .map(
    ([{ topologies }, isFramed, gone]) =>
      new Map(Array.from(topologies, ([key, topology]) => [key, factsOf(topology, isFramed, gone)])),
  );

export const statement: fc.Arbitrary<Statement> = fc
  .tuple(fc.maxSafeNat(), fc.maxSafeNat(), fc.boolean(), ids, ids)
  .chain(([one, other, isWhole, stated, gone]) => {
    const seq = Math.max(1, one, other);
    const base = isWhole ? 0 : Math.min(one, other);
    return record({
      version: fc.constant(1),
      probe: fc.constantFrom('c0ffee', 'é'),
      epoch: whole,
      seq: fc.constant(seq),
      base: fc.constant(base),
      host: text,
      atMs: whole,
      intervalMs: whole,
      flows: fc.tuple(...stated.map((id) => flow(id, base === 0))),
      gone: fc.constant(gone.filter((id) => !stated.includes(id))),
      facts,
      dns: report.map(({ dns }) => dns),
      sampling: fc.option(record({ count: whole, total: whole }), { nil: undefined }),
    }).map((fields) => compact<Statement>(fields));
  });
