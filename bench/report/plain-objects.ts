/**
 * The naive way to send a report: turn it into plain objects, let a general encoder do the rest. The contestant to
 * beat, and with `asScopeLaysItOut` a stand-in for the bytes of a probe that writes what is absent as nil and has a
 * time of its own for every node.
 */
import { Packr } from 'msgpackr';
import type { Node, Report, Timestamp, Topology } from '../../src/report/model/model.js';

const packr = new Packr({ useRecords: false, variableMapSize: true });
const ABSENT = { sets: null, adjacency: null, latest: null, metrics: null, parents: null, children: null };
const ABSENT_OF_TOPOLOGY = {
  controls: null,
  metadata_templates: null,
  metric_templates: null,
  table_templates: null,
};

export function packPlainObjects(report: Report): Uint8Array {
  return packr.pack(plainReport(report, (timestamp) => timestamp, {}, {}));
}

export function packAsScopeLaysItOut(report: Report): Uint8Array {
  let count = 0;
  const ownTime = (timestamp: Timestamp): Timestamp => ({
    ...timestamp,
    nanos: (count += 7919) % 1_000_000_000,
  });
  return packr.pack(plainReport(report, ownTime, ABSENT, ABSENT_OF_TOPOLOGY));
}

function plainReport(
  report: Report,
  timeOfNode: (t: Timestamp) => Timestamp,
  absent: object,
  absentOfTopology: object,
): object {
  const topologies = [...report.topologies].map(([key, topology]) => [
    key,
    plainTopology(topology, timeOfNode, absent, absentOfTopology),
  ]);
  return {
    ID: report.id,
    TS: report.timestamp && goTime(report.timestamp),
    DNS: Object.fromEntries(report.dns),
    Window: report.windowNanos,
    ...(Object.fromEntries(topologies) as object),
  };
}

function plainTopology(
  topology: Topology,
  timeOfNode: (t: Timestamp) => Timestamp,
  absent: object,
  absentOfTopology: object,
): object {
  const { shape, label, labelPlural, nodes } = topology;
  return {
    ...absentOfTopology,
    shape,
    label,
    label_plural: labelPlural,
    nodes: Object.fromEntries([...nodes].map(([id, node]) => [id, plainNode(node, timeOfNode, absent)])),
  };
}

function plainNode(node: Node, timeOfNode: (t: Timestamp) => Timestamp, absent: object): object {
  const plain: Record<string, unknown> = { ...absent, id: node.id, topology: node.topology };
  if (node.latest) {
    let own: Timestamp | undefined;
    plain['latest'] = Object.fromEntries(
      [...node.latest].map(([key, { timestamp, value }]) => [
        key,
        { timestamp: goTime((own ??= timeOfNode(timestamp))), value },
      ]),
    );
  }
  if (node.sets) plain['sets'] = Object.fromEntries(node.sets);
  if (node.adjacency) plain['adjacency'] = node.adjacency;
  if (node.parents) plain['parents'] = Object.fromEntries(node.parents);
  if (node.metrics) {
    plain['metrics'] = Object.fromEntries(
      [...node.metrics].map(([key, { samples, min, max }]) => [
        key,
        { samples: samples.map(({ date, value }) => ({ date: goTime(date), value })), min, max },
      ]),
    );
  }
  return plain;
}

function goTime(timestamp: Timestamp): Buffer {
  const bytes = Buffer.allocUnsafe(15);
  const seconds = timestamp.unixSeconds + 62_135_596_800;
  bytes[0] = 1;
  bytes.writeUInt32BE(Math.floor(seconds / 2 ** 32), 1);
  bytes.writeUInt32BE(seconds % 2 ** 32, 5);
  bytes.writeInt32BE(timestamp.nanos, 9);
  bytes.writeInt16BE(timestamp.zoneMinutes, 13);
  return bytes;
}
