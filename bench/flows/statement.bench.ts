/** CPU to read what a machine states when 2 % and 10 % of it changed, and its bytes, beside the report of the same state. */
import { gzipSync } from 'node:zlib';
import { decodeStatement, encodeStatement } from '../../src/flows/wire/index.js';
import { decodeReport, encodeReport, fromMillis } from '../../src/report/index.js';
import type { Node, TopologyKey } from '../../src/report/model/model.js';
import { Fleet } from '../app/fleet.js';
import { PUBLISH_INTERVAL_MS } from '../app/traffic.js';
import { printTimings, sideBySide, type Contestant } from '../report/side-by-side.js';
import { MachineStatements } from './fleet-statements.js';

const START_MS = 1_795_244_936_000;
const MACHINES = 20;
/** That one machine's report has, about. */
const ENDPOINTS = 1353;

interface Body {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The report of a machine after `share` of the fleet's connections are others, and what it states then. */
function bodiesAfter(share: number): {
  readonly report: Uint8Array;
  readonly whole: Uint8Array;
  readonly changes: Uint8Array;
} {
  const fleet = new Fleet({
    ...{ hosts: MACHINES, services: 50, podsPerService: 20, seed: 1 },
    endpointsPerHost: ENDPOINTS,
  });
  const machine = new MachineStatements();
  const whole = encodeStatement(machine.next(fleet.report(0, fromMillis(START_MS))));
  fleet.churn(share);
  const report = fleet.report(0, fromMillis(START_MS + PUBLISH_INTERVAL_MS));
  return { report: encodeReport(report), whole, changes: encodeStatement(machine.next(report)) };
}

/** Knows nodes that it has read before, as the app does. */
function recallingReader(body: Uint8Array): () => unknown {
  const known = new Map<string, Node>();
  return () =>
    decodeReport(
      body,
      {},
      {
        known: (key: TopologyKey, id: string, digest: number) =>
          known.get(`${key.toLowerCase()} ${id} ${digest}`),
        read: (node: Node, digest: number) => void known.set(`${node.topology} ${node.id} ${digest}`, node),
      },
    );
}

const bodies: Body[] = [];
const contestants: Contestant[] = [];
for (const percent of [2, 10]) {
  const { report, whole, changes } = bodiesAfter(percent / 100);
  if (percent === 2) {
    bodies.push({ name: 'report', bytes: report }, { name: 'whole statement', bytes: whole });
    contestants.push({ name: 'decodeReport', run: () => decodeReport(report) });
    contestants.push({ name: 'decodeReport, nodes known', run: recallingReader(report) });
    contestants.push({ name: 'decodeStatement, whole', run: () => decodeStatement(whole) });
  }
  bodies.push({ name: `statement, ${percent} % changed`, bytes: changes });
  contestants.push({ name: `decodeStatement, ${percent} % changed`, run: () => decodeStatement(changes) });
}
const nothing = { ...decodeStatement(bodies[1]!.bytes), base: 1, flows: [], gone: [], facts: new Map() };
bodies.push({ name: 'statement of nothing', bytes: encodeStatement(nothing) });

printTimings(sideBySide(contestants), (ms) => `${(ms * 1000).toFixed(0)} µs`);
const reportGzip = gzipSync(bodies[0]!.bytes).length;
for (const { name, bytes } of bodies) {
  const gzip = gzipSync(bytes).length;
  console.log(
    `${name.padEnd(44)} ${`${bytes.length} bytes`.padStart(18)}   gzip ${gzip}, x ${(gzip / reportGzip).toFixed(3)}`,
  );
}
