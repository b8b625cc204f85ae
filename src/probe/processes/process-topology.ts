/** Turns the facts of processes into Scope's Process topology. Pure. */
import { hostNodeId, processNodeId } from '../../report/index.js';
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
  { id: 'pid', label: 'PID', from: 'latest', dataType: 'number', priority: 1 },
  { id: 'cmdline', label: 'Command', from: 'latest', priority: 2 },
  { id: 'ppid', label: 'Parent PID', from: 'latest', dataType: 'number', priority: 3 },
  { id: 'threads', label: '# Threads', from: 'latest', dataType: 'number', priority: 4 },
];

const METRIC_TEMPLATES: readonly MetricTemplate[] = [
  { id: 'process_cpu_usage_percent', label: 'CPU', format: 'percent', priority: 1 },
  { id: 'process_memory_usage_bytes', label: 'Memory', format: 'filesize', priority: 2 },
  { id: 'open_files_count', label: 'Open files', format: 'integer', priority: 3 },
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
  add('pid', String(facts.pid));
  if (facts.startTicks > 0) add('start_ticks', String(facts.startTicks - bootOffset));
  add('name', facts.name);
  add('threads', String(facts.threads));
  add('host_node_id', host);
  if (facts.cmdline !== '') add('cmdline', facts.cmdline);
  if (facts.ppid > 0) add('ppid', String(facts.ppid));
  return latest;
}

function metricsOf(facts: ProcessFacts, cores: number, date: Timestamp): ReadonlyMap<string, Metric> {
  const metrics = new Map<string, Metric>();
  const add = (key: string, value: number, max: number): void => {
    metrics.set(key, { samples: [{ date, value }], min: value, max: Math.max(max, value) });
  };
  if (facts.cpuPercent !== undefined) add('process_cpu_usage_percent', facts.cpuPercent, 100 * cores);
  add('process_memory_usage_bytes', facts.rssBytes, facts.rssLimitBytes);
  if (facts.openFiles !== undefined) add('open_files_count', facts.openFiles, facts.openFilesLimit);
  return metrics;
}
