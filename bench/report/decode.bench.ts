/** CPU to read a report into the model, beside a general decoder that makes plain objects of it. */
import { Unpackr } from 'msgpackr';
import { decodeReport, encodeReport, reportFromJson, reportToJson } from '../../src/report/index.js';
import { printTimings, sideBySide } from './side-by-side.js';
import { busyReport, nodeCount } from './traffic.js';

const report = busyReport(20_000);
const nodes = nodeCount(report);
const body = encodeReport(report);
const json = reportToJson(report);
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false });

printTimings(
  sideBySide([
    { name: 'decodeReport', run: () => decodeReport(body) },
    { name: 'msgpackr to Maps (times destroyed)', run: () => unpackr.unpack(body) as unknown },
    { name: 'reportFromJson', run: () => reportFromJson(json) },
    { name: 'JSON.parse', run: () => JSON.parse(json) as unknown },
  ]),
  (ms) => `${((ms * 1e6) / nodes).toFixed(0)} ns per node`,
);
