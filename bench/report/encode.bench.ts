/** CPU to encode a report, beside the naive way; and its bytes per kept connection. */
import { gzipSync } from 'node:zlib';
import { encodeReport, reportToJson } from '../../src/report/index.js';
import { packAsScopeLaysItOut, packPlainObjects } from './plain-objects.js';
import { printTimings, sideBySide } from './side-by-side.js';
import { busyReport, nodeCount } from './traffic.js';

const CONNECTIONS = 20_000;
const report = busyReport(CONNECTIONS);
const nodes = nodeCount(report);

console.log(`${CONNECTIONS} kept connections, ${nodes} nodes`);
printTimings(
  sideBySide([
    { name: 'encodeReport', run: () => encodeReport(report) },
    { name: 'plain objects, then msgpackr', run: () => packPlainObjects(report) },
    { name: 'reportToJson', run: () => reportToJson(report) },
  ]),
  (ms) => `${((ms * 1e6) / nodes).toFixed(0)} ns per node`,
);

const bodies = [
  { name: 'encodeReport', body: encodeReport(report) },
  { name: 'plain objects, then msgpackr', body: packPlainObjects(report) },
  { name: 'absent as nil, a time for each node', body: packAsScopeLaysItOut(report) },
];
const base = gzipSync(bodies[0]!.body).length;
for (const { name, body } of bodies) {
  const zipped = gzipSync(body).length;
  const each = `${(body.length / CONNECTIONS).toFixed(0)} B, gzip ${(zipped / CONNECTIONS).toFixed(1)} B`;
  console.log(
    `${name.padEnd(44)} ${each.padStart(18)} per connection   gzip x ${(zipped / base).toFixed(2)}`,
  );
}
