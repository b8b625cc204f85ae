/**
 * Reads a report in Scope's shape, whatever the encoding, old probes' forms included. Keys that are not known are
 * passed over: a newer probe may know more.
 */
import type { Mutable } from '../model/mutable.js';
import type { DecodeLimits } from './limits.js';
import {
  TOPOLOGY_KEYS,
  type DnsNames,
  type Report,
  type Topology,
  type TopologyKey,
} from '../model/model.js';
import { TOPOLOGY_NAMES } from '../model/node-ids.js';
import { readFlowRows } from './flow-row-reader.js';
import { NodeReader } from './node-reader.js';
import { upgradeReport } from './old-probes.js';
import type { NodeCache } from './known-nodes.js';
import { sortedUnique } from '../model/string-sets.js';
import { readMetadataTemplate, readMetricTemplate, readTableTemplate } from './template-reader.js';
import { isZero, now } from '../model/timestamp.js';
import { readFields, readOpaque, readTextMap, type ValueReader } from './value-reader.js';

const TOPOLOGY_KEY_SET: ReadonlySet<string> = new Set(TOPOLOGY_KEYS);

/** @param recall what is known of earlier reports of the same sender */
export function readReport(reader: ValueReader, limits: DecodeLimits, recall?: NodeCache): Report {
  if (reader.kind() !== 'map') reader.fail('WRONG_TYPE', 'cannot read a report: it is not a map');
  const nodes = new NodeReader(reader, limits.maxNodes, recall);
  const topologies = new Map<TopologyKey, Topology>();
  const report: Mutable<Report> = { id: '', topologies, dns: new Map() };
  let misnamedDns: ReadonlyMap<string, DnsNames> = new Map();
  readFields(reader, 'a report', (key) => {
    if (isTopologyKey(key)) {
      topologies.set(key, readTopology(reader, nodes, key));
      return true;
    }
    switch (key) {
      case 'ID':
        report.id = reader.identifier('the report id');
        return true;
      case 'TS': {
        const timestamp = reader.time('the time of the report');
        if (!isZero(timestamp)) report.timestamp = timestamp;
        return true;
      }
      case 'DNS':
        report.dns = readTextMap(reader, 'DNS', readDnsNames);
        return true;
      case 'nodes':
        misnamedDns = readTextMap(reader, 'DNS', readDnsNames);
        return true;
      case 'Sampling': {
        const sampling = readSampling(reader);
        if (sampling.count > 0 || sampling.total > 0) report.sampling = sampling;
        return true;
      }
      case 'Window': {
        const windowNanos = readCount(reader, 'the window');
        if (windowNanos > 0) report.windowNanos = windowNanos;
        return true;
      }
      case 'Shortcut':
        if (reader.boolean('the shortcut flag')) report.shortcut = true;
        return true;
      case 'Plugins': {
        const plugins = readPlugins(reader);
        if (plugins.length > 0) report.plugins = plugins;
        return true;
      }
      case 'Flows': {
        const flows = readFlowRows(reader, limits.maxFlows);
        if (flows !== undefined) report.flows = flows;
        return true;
      }
      default:
        return false;
    }
  });
  reader.end();
  nodes.settleCounters(report.timestamp ?? now());
  return upgradeReport(report, misnamedDns);
}

function isTopologyKey(key: string): key is TopologyKey {
  return TOPOLOGY_KEY_SET.has(key);
}

function readTopology(reader: ValueReader, nodes: NodeReader, key: TopologyKey): Topology {
  const topology: Mutable<Topology> = { nodes: new Map() };
  const setText = (field: 'shape' | 'tag' | 'label' | 'labelPlural', text: string): true => {
    if (text !== '') topology[field] = text;
    return true;
  };
  readFields(reader, 'a topology', (field) => {
    switch (field) {
      case 'shape':
      case 'tag':
      case 'label':
        return setText(field, reader.text('a topology'));
      case 'label_plural':
        return setText('labelPlural', reader.text('a topology'));
      case 'nodes':
        topology.nodes = nodes.readNodes(TOPOLOGY_NAMES[key], key);
        return true;
      case 'metadata_templates': {
        const templates = readTextMap(reader, 'metadata templates', readMetadataTemplate);
        if (templates.size > 0) topology.metadataTemplates = templates;
        return true;
      }
      case 'metric_templates': {
        const templates = readTextMap(reader, 'metric templates', readMetricTemplate);
        if (templates.size > 0) topology.metricTemplates = templates;
        return true;
      }
      case 'table_templates': {
        const templates = readTextMap(reader, 'table templates', readTableTemplate);
        if (templates.size > 0) topology.tableTemplates = templates;
        return true;
      }
      case 'controls': {
        const controls = readTextMap(reader, 'controls', readOpaque);
        if (controls.size > 0) topology.controls = controls;
        return true;
      }
      default:
        return false;
    }
  });
  return topology;
}

function readDnsNames(reader: ValueReader): DnsNames {
  const names: Mutable<DnsNames> = {};
  readFields(reader, 'DNS names', (key) => {
    if (key !== 'forward' && key !== 'reverse') return false;
    const texts: string[] = [];
    if (reader.enterList('DNS names')) while (reader.nextElement()) texts.push(reader.text('a DNS name'));
    if (texts.length > 0) names[key] = sortedUnique(texts);
    return true;
  });
  return names;
}

function readSampling(reader: ValueReader): { count: number; total: number } {
  const sampling = { count: 0, total: 0 };
  readFields(reader, 'sampling', (key) => {
    if (key === 'Count') sampling.count = readCount(reader, 'the sampled count');
    else if (key === 'Total') sampling.total = readCount(reader, 'the sampled total');
    else return false;
    return true;
  });
  return sampling;
}

/** A whole number that is not negative; what a double can't count is capped. */
function readCount(reader: ValueReader, what: string): number {
  const count = reader.number(what);
  if (count < 0) reader.fail('BAD_NUMBER', `cannot read ${what}`);
  return Math.min(Math.floor(count), Number.MAX_SAFE_INTEGER);
}

function readPlugins(reader: ValueReader): unknown[] {
  const plugins: unknown[] = [];
  if (reader.enterList('plugins')) while (reader.nextElement()) plugins.push(readOpaque(reader));
  return plugins;
}
