/** CPU to merge a window of reports at once and one by one. */
import { mergeReports } from '../../src/report/index.js';
import type { Report } from '../../src/report/model/model.js';
import { printTimings, sideBySide } from './side-by-side.js';
import { busyReport, nodeCount } from './traffic.js';

const REPORTS = 20;
const reports = Array.from({ length: REPORTS }, (_, i) =>
  busyReport(2000, 1_795_244_936_123 + i * 3000, i * 500),
);
const nodes = reports.reduce((sum, report) => sum + nodeCount(report), 0);
const empty: Report = { id: '', topologies: new Map(), dns: new Map() };

console.log(`${REPORTS} reports, ${nodes} nodes, ${nodeCount(mergeReports(reports))} when merged`);
printTimings(
  sideBySide([
    { name: 'mergeReports of all', run: () => mergeReports(reports) },
    {
      name: 'pairwise, one after another',
      run: () => reports.reduce((sum, each) => mergeReports([sum, each]), empty),
    },
  ]),
  (ms) => `${((ms * 1e6) / nodes).toFixed(0)} ns per node`,
);
