/** Writes a report in Scope's shape, whatever the encoding. What is empty is left out. */
import { writeFlowRow } from './flow-row-writer.js';
import { writeNode } from './node-writer.js';
import { TOPOLOGY_KEYS, type DnsNames, type Report, type Topology } from '../model/model.js';
import { writeMetadataTemplate, writeMetricTemplate, writeTableTemplate } from './template-writer.js';
import { writeOpaque, writeTextMap, writeTexts, type ValueWriter } from './value-writer.js';

const EMPTY_TOPOLOGY: Topology = { nodes: new Map() };

/** @param everyTopology write also those the report has not, as empty: readers need not ask whether they exist */
export function writeReport(writer: ValueWriter, report: Report, everyTopology: boolean): void {
  const { timestamp, topologies, dns, sampling, windowNanos, shortcut, plugins, flows } = report;
  const topologyCount = everyTopology ? TOPOLOGY_KEYS.length : topologies.size;
  const optional = [timestamp, dns.size > 0, sampling, windowNanos, shortcut, plugins?.length, flows];
  writer.beginMap(1 + topologyCount + optional.filter(Boolean).length);
  writer.key('ID');
  writer.text(report.id);
  if (timestamp) {
    writer.key('TS');
    writer.time(timestamp);
  }
  for (const key of everyTopology ? TOPOLOGY_KEYS : topologies.keys()) {
    writer.key(key);
    writeTopology(writer, topologies.get(key) ?? EMPTY_TOPOLOGY);
  }
  if (dns.size > 0) {
    writer.key('DNS');
    writeTextMap(writer, dns, writeDnsNames);
  }
  if (sampling) {
    writer.key('Sampling');
    writer.beginMap(2);
    writer.key('Count');
    writer.number(whole(sampling.count));
    writer.key('Total');
    writer.number(whole(sampling.total));
    writer.endMap();
  }
  if (windowNanos) {
    writer.key('Window');
    writer.number(whole(windowNanos));
  }
  if (shortcut) {
    writer.key('Shortcut');
    writer.boolean(true);
  }
  if (plugins?.length) {
    writer.key('Plugins');
    writeOpaque(writer, plugins);
  }
  if (flows) {
    writer.key('Flows');
    writer.beginList(flows.length);
    for (const row of flows) writeFlowRow(writer, row);
    writer.endList();
  }
  writer.endMap();
}

/** A Scope app refuses the whole report for a fraction where it expects an integer. */
const whole = (value: number): number => Math.max(0, Math.round(value));

function writeTopology(writer: ValueWriter, topology: Topology): void {
  const texts = [
    ['shape', topology.shape],
    ['tag', topology.tag],
    ['label', topology.label],
    ['label_plural', topology.labelPlural],
  ].filter((pair): pair is [string, string] => Boolean(pair[1]));
  const { metadataTemplates, metricTemplates, tableTemplates, controls } = topology;
  const maps = [metadataTemplates?.size, metricTemplates?.size, tableTemplates?.size, controls?.size];
  writer.beginMap(1 + texts.length + maps.filter(Boolean).length);
  for (const [key, text] of texts) {
    writer.key(key);
    writer.text(text);
  }
  writer.key('nodes');
  writeTextMap(writer, topology.nodes, writeNode);
  if (metadataTemplates?.size) {
    writer.key('metadata_templates');
    writeTextMap(writer, metadataTemplates, writeMetadataTemplate);
  }
  if (metricTemplates?.size) {
    writer.key('metric_templates');
    writeTextMap(writer, metricTemplates, writeMetricTemplate);
  }
  if (tableTemplates?.size) {
    writer.key('table_templates');
    writeTextMap(writer, tableTemplates, writeTableTemplate);
  }
  if (controls?.size) {
    writer.key('controls');
    writeTextMap(writer, controls, writeOpaque);
  }
  writer.endMap();
}

function writeDnsNames(writer: ValueWriter, names: DnsNames): void {
  const { forward, reverse } = names;
  writer.beginMap((forward?.length ? 1 : 0) + (reverse?.length ? 1 : 0));
  if (forward?.length) {
    writer.key('forward');
    writeTexts(writer, forward);
  }
  if (reverse?.length) {
    writer.key('reverse');
    writeTexts(writer, reverse);
  }
  writer.endMap();
}
