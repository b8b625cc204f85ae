/** Another encoder's MessagePack, as programs that are not written in Go send it, and another decoder's reading of ours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Packr, Unpackr } from 'msgpackr';
import { decodeReport, encodeReport } from '../../src/report/index.js';
import { goTime } from './go-msgpack.js';

const packr = new Packr({ useRecords: false, variableMapSize: true });

test('what msgpackr packs is read: str8, bin8 times, nil and undefined, long maps', () => {
  const timestamp = goTime(1_795_244_936, 987_654_321, -1);
  const nodes = Object.fromEntries(
    Array.from({ length: 70_000 }, (_, i) => [`vm;${i}`, { id: `vm;${i}`, topology: 'process', sets: null }]),
  );
  const value = 'a text that is longer than thirty-one bytes, so str8';
  const packed = packr.pack({
    TS: timestamp,
    ID: '1',
    Window: 3e9,
    Process: { shape: 'square', nodes: { ...nodes, 'vm;7': { latest: { cmdline: { timestamp, value } } } } },
    Host: {
      nodes: {
        h: { metrics: { load1: { samples: [{ date: timestamp, value: 0.1 }], min: 0, max: 2 ** 64 } } },
      },
    },
  });
  const report = decodeReport(packed);
  const at = { unixSeconds: 1_795_244_936, nanos: 987_654_321, zoneMinutes: -1 };
  const processes = report.topologies.get('Process')?.nodes;
  assert.equal(processes?.size, 70_000);
  assert.deepEqual(processes.get('vm;7'), {
    id: 'vm;7',
    topology: 'process',
    latest: new Map([['cmdline', { timestamp: at, value }]]),
  });
  assert.deepEqual(report.timestamp, at);
  assert.equal(report.windowNanos, 3e9);
  assert.deepEqual(report.topologies.get('Host')?.nodes.get('h')?.metrics?.get('load1'), {
    samples: [{ date: at, value: 0.1 }],
    min: 0,
    max: 2 ** 64,
  });
});

test('msgpackr reads what we encode, at every length where the encoding changes', () => {
  const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });
  for (const length of [0, 1, 31, 32, 47, 48, 49, 255, 256, 65_535, 65_536]) {
    for (const character of ['x', 'é', '☃', '😀']) {
      const id = character.repeat(length);
      const sent = unpackr.unpack(encodeReport({ id, topologies: new Map(), dns: new Map() })) as {
        ID: string;
      };
      assert.equal(sent.ID, id);
    }
  }
  for (const count of [0, 15, 16, 65_535, 65_536]) {
    const adjacency = Array.from({ length: count }, (_, i) => String(i)).sort();
    const nodes = new Map([['x', { id: 'x', topology: 'endpoint', adjacency }]]);
    const bytes = encodeReport({ id: '', topologies: new Map([['Endpoint', { nodes }]]), dns: new Map() });
    const sent = unpackr.unpack(bytes) as { Endpoint: { nodes: { x: { adjacency?: string[] } } } };
    assert.deepEqual(sent.Endpoint.nodes.x.adjacency ?? [], adjacency);
  }
  for (const windowNanos of [1, 127, 128, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const bytes = encodeReport({ id: '', windowNanos, topologies: new Map(), dns: new Map() });
    assert.equal(Number((unpackr.unpack(bytes) as { Window: number | bigint }).Window), windowNanos);
  }
});
