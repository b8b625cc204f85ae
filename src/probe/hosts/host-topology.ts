/** Turns the facts of the host into Scope's Host topology. Pure. */
import { formatTimestamp, hostNodeId } from '../../report/index.js';
import type {
  MetadataTemplate,
  Metric,
  MetricTemplate,
  Timestamp,
  Topology,
} from '../../report/model/model.js';
import type { HostFacts } from './host-facts.js';
import type { MachineIdentity } from './machine-identity.js';

const METADATA_TEMPLATES: readonly MetadataTemplate[] = [
  { id: 'kernel_version', label: 'Kernel version', from: 'latest', priority: 1 },
  { id: 'uptime', label: 'Uptime', from: 'latest', dataType: 'duration', priority: 2 },
  { id: 'host_name', label: 'Hostname', from: 'latest', priority: 11 },
  { id: 'os', label: 'OS', from: 'latest', priority: 12 },
  { id: 'local_networks', label: 'Local networks', from: 'sets', priority: 13 },
  { id: 'host_scope_version', label: 'Scope version', from: 'latest', priority: 14 },
  { id: 'machine_id', label: 'Machine (digest of its id)', from: 'latest', priority: 20 },
];

const METRIC_TEMPLATES: readonly MetricTemplate[] = [
  { id: 'host_cpu_usage_percent', label: 'CPU', format: 'percent', priority: 1 },
  { id: 'host_mem_usage_bytes', label: 'Memory', format: 'filesize', priority: 2 },
  { id: 'load1', label: 'Load (1m)', group: 'load', priority: 11 },
];

const HEAD = {
  shape: 'circle',
  label: 'host',
  labelPlural: 'hosts',
  metadataTemplates: new Map(METADATA_TEMPLATES.map((template) => [template.id, template])),
  metricTemplates: new Map(METRIC_TEMPLATES.map((template) => [template.id, template])),
};

export interface HostIdentity {
  readonly hostName: string;
  /** Of this program. */
  readonly version: string;
  readonly probeId: string;
  /** Which machine this is, whatever it is called. */
  readonly machine?: MachineIdentity;
}

/**
 * What is undefined or empty is left out.
 * @param cpuPercent 100 is one core in full; undefined in the first report
 * @param lack why networks are missing in `localNetworks`
 */
export function hostTopology(
  identity: HostIdentity,
  facts: HostFacts,
  cpuPercent: number | undefined,
  localNetworks: readonly string[],
  now: Timestamp,
  lack = '',
): Topology {
  const id = hostNodeId(identity.hostName);
  const latest = {
    host_name: identity.hostName,
    host_node_id: id,
    host_scope_version: identity.version,
    control_probe_id: identity.probeId,
    kernel_version: facts.kernelVersion,
    os: 'linux',
    machine_id: identity.machine?.machine ?? '',
    machine_id_from: identity.machine?.source ?? '',
    boot_id: identity.machine?.boot ?? '',
    uptime: facts.uptimeSeconds === undefined ? '' : String(facts.uptimeSeconds),
    ts: formatTimestamp(now),
    not_seen_addresses: lack,
  };
  const metrics = new Map<string, Metric>();
  const add = (key: string, value: number, max: number): void => {
    metrics.set(key, { samples: [{ date: now, value }], min: value, max });
  };
  const { load1, cpu, memory } = facts;
  if (load1 !== undefined) add('load1', load1, load1);
  if (cpuPercent !== undefined && cpu) add('host_cpu_usage_percent', cpuPercent, 100 * cpu.cores);
  if (memory) add('host_mem_usage_bytes', memory.usedBytes, memory.totalBytes);
  const node = {
    id,
    topology: 'host',
    latest: new Map(
      Object.entries(latest)
        .filter(([, value]) => value !== '')
        .map(([key, value]) => [key, { timestamp: now, value }]),
    ),
    sets: new Map([['local_networks', localNetworks]]),
    metrics,
  };
  return { ...HEAD, nodes: new Map([[id, node]]) };
}
