/** Writes one node. Everything but the id and the topology is optional, and left out when it is empty. */
import type { Latest, Metric, Node } from '../model/model.js';
import { writeTextMap, writeTexts, type ValueWriter } from './value-writer.js';

export function writeNode(writer: ValueWriter, node: Node): void {
  const { latest, sets, adjacency, metrics, parents, children } = node;
  writer.beginMap(
    2 +
      (latest?.size ? 1 : 0) +
      (sets?.size ? 1 : 0) +
      (adjacency?.length ? 1 : 0) +
      (metrics?.size ? 1 : 0) +
      (parents?.size ? 1 : 0) +
      (children?.length ? 1 : 0),
  );
  writer.key('id');
  writer.text(node.id);
  writer.key('topology');
  writer.text(node.topology);
  if (latest?.size) {
    writer.key('latest');
    writeTextMap(writer, latest, writeLatest);
  }
  if (sets?.size) {
    writer.key('sets');
    writeTextMap(writer, sets, writeTexts);
  }
  if (adjacency?.length) {
    writer.key('adjacency');
    writeTexts(writer, adjacency);
  }
  if (metrics?.size) {
    writer.key('metrics');
    writeTextMap(writer, metrics, writeMetric);
  }
  if (parents?.size) {
    writer.key('parents');
    writeTextMap(writer, parents, writeTexts);
  }
  if (children?.length) {
    writer.key('children');
    writer.beginList(children.length);
    for (const child of children) writeNode(writer, child);
    writer.endList();
  }
  writer.endMap();
}

function writeLatest(writer: ValueWriter, latest: Latest): void {
  writer.latest(latest);
}

function writeMetric(writer: ValueWriter, metric: Metric): void {
  writer.beginMap(3);
  writer.key('samples');
  writer.beginList(metric.samples.length);
  for (const { date, value } of metric.samples) {
    writer.beginMap(2);
    writer.key('date');
    writer.time(date);
    writer.key('value');
    writer.number(value);
    writer.endMap();
  }
  writer.endList();
  writer.key('min');
  writer.number(metric.min);
  writer.key('max');
  writer.number(metric.max);
  writer.endMap();
}
