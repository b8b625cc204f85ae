/** Turns the facts of processes into Scope's Process topology. Pure. */
import { hostNodeId, processNodeId } from '../../report/index.js';
import { FACT } from '../../report/keys.js';
import type {
  Latest,
  MetadataTemplate,
  Metric,
  MetricTemplate,
  Node,
  Timestamp,
  Topology,
} from '../../report/model/model.js';
import type { ProcessFacts } from './process-scan.js';

const METADATA_TEMPLATES: readonly MetadataTemplate[] = [
  { id: FACT.pid, label: 'PID', from: 'latest', dataType: 'number', priority: 1 },
  { id: FACT.commandLine, label: 'Command', from: 'latest', priority: 2 },
  { id: FACT.parentPid, label: 'Parent PID', from: 'latest', dataType: 'number', priority: 3 },
  { id: FACT.threads, label: '# Threads', from: 'latest', dataType: 'number', priority: 4 },
];

const METRIC_TEMPLATES: readonly MetricTemplate[] = [
  { id: FACT.processCpuPercent, label: 'CPU', format: 'percent', priority: 1 },
  { id: FACT.processMemoryBytes, label: 'Memory', format: 'filesize', priority: 2 },
  { id: FACT.openFilesCount, label: 'Open files', format: 'integer', priority: 3 },
];

const byId = <T extends { readonly id: string }>(templates: readonly T[]): ReadonlyMap<string, T> =>
  new Map(templates.map((template) => [template.id, template]));

const HEAD = {
  shape: 'square',
  label: 'process',
  labelPlural: 'processes',
  metadataTemplates: byId(METADATA_TEMPLATES),
  metricTemplates: byId(METRIC_TEMPLATES),
};

/**
 * @param cores how many CPUs there are: a process can use 100 percent of each
 * @param bootOffset clock ticks by which /proc's starts are ahead of the kernel's, in a time namespace
 */
export function processTopology(
  processes: readonly ProcessFacts[],
  hostName: string,
  cores: number,
  now: Timestamp,
  bootOffset = 0,
): Topology {
  const host = hostNodeId(hostName);
  const parents = new Map([['host', [host]]]);
  const nodes = new Map<string, Node>();
  for (const facts of processes) {
    const id = processNodeId(hostName, facts.pid);
    nodes.set(id, {
      id,
      topology: 'process',
      latest: latestOf(facts, host, now, bootOffset),
      metrics: metricsOf(facts, cores, now),
      parents,
    });
  }
  return { ...HEAD, nodes };
}

function latestOf(
  facts: ProcessFacts,
  host: string,
  timestamp: Timestamp,
  bootOffset: number,
): ReadonlyMap<string, Latest> {
  const latest = new Map<string, Latest>();
  const add = (key: string, value: string): void => {
    latest.set(key, { timestamp, value });
  };
  add(FACT.pid, String(facts.pid));
  if (facts.startTicks > 0) add(FACT.startTicks, String(facts.startTicks - bootOffset));
  add(FACT.name, facts.name);
  add(FACT.threads, String(facts.threads));
  add(FACT.hostNodeId, host);
  if (facts.cmdline !== '') add(FACT.commandLine, facts.cmdline);
  if (facts.ppid > 0) add(FACT.parentPid, String(facts.ppid));
  return latest;
}

function metricsOf(facts: ProcessFacts, cores: number, date: Timestamp): ReadonlyMap<string, Metric> {
  const metrics = new Map<string, Metric>();
  const add = (key: string, value: number, max: number): void => {
    metrics.set(key, { samples: [{ date, value }], min: value, max: Math.max(max, value) });
  };
  if (facts.cpuPercent !== undefined) add(FACT.processCpuPercent, facts.cpuPercent, 100 * cores);
  add(FACT.processMemoryBytes, facts.rssBytes, facts.rssLimitBytes);
  if (facts.openFiles !== undefined) add(FACT.openFilesCount, facts.openFiles, facts.openFilesLimit);
  return metrics;
}
