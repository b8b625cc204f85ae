/** What is encoded comes back as it was, in both encodings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeReport, encodeReport, reportFromJson, reportToJson } from '../../src/report/index.js';
import { sampleReport } from './sample-report.js';

test('a report with every field set survives MessagePack', () => {
  assert.deepEqual(decodeReport(encodeReport(sampleReport())), sampleReport());
});

test('a report with every field set survives JSON, but for the difference between UTC and an offset of 0', () => {
  const json = reportToJson(sampleReport());
  assert.equal(reportToJson(reportFromJson(json)), json);
  const inUtc = encodeReport(reportFromJson(json));
  assert.equal(reportToJson(decodeReport(inUtc)), json);
});

test('an empty report survives both', () => {
  const empty = { id: '', topologies: new Map(), dns: new Map() };
  assert.deepEqual(decodeReport(encodeReport(empty)), empty);
  assert.deepEqual(reportFromJson('{}'), empty);
});

test('the JSON form has every topology, so that readers need not ask', () => {
  const json = JSON.parse(reportToJson({ id: '1', topologies: new Map(), dns: new Map() })) as Record<
    string,
    unknown
  >;
  assert.deepEqual(json['Endpoint'], { nodes: {} });
  assert.deepEqual(json['VolumeSnapshotData'], { nodes: {} });
});
