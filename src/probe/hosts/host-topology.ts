/** Turns the facts of the host into Scope's Host topology. Pure. */
import { formatTimestamp, hostNodeId } from '../../report/index.js';
import { FACT } from '../../report/keys.js';
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
  { id: FACT.kernelVersion, label: 'Kernel version', from: 'latest', priority: 1 },
  { id: FACT.uptime, label: 'Uptime', from: 'latest', dataType: 'duration', priority: 2 },
  { id: FACT.hostName, label: 'Hostname', from: 'latest', priority: 11 },
  { id: FACT.os, label: 'OS', from: 'latest', priority: 12 },
  { id: FACT.localNetworks, label: 'Local networks', from: 'sets', priority: 13 },
  { id: FACT.hostScopeVersion, label: 'Scope version', from: 'latest', priority: 14 },
  { id: FACT.machineId, label: 'Machine (digest of its id)', from: 'latest', priority: 20 },
];

const METRIC_TEMPLATES: readonly MetricTemplate[] = [
  { id: FACT.hostCpuPercent, label: 'CPU', format: 'percent', priority: 1 },
  { id: FACT.hostMemoryBytes, label: 'Memory', format: 'filesize', priority: 2 },
  { id: FACT.load1, label: 'Load (1m)', group: 'load', priority: 11 },
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
    [FACT.hostName]: identity.hostName,
    [FACT.hostNodeId]: id,
    [FACT.hostScopeVersion]: identity.version,
    [FACT.controlProbeId]: identity.probeId,
    [FACT.kernelVersion]: facts.kernelVersion,
    [FACT.os]: 'linux',
    [FACT.machineId]: identity.machine?.machine ?? '',
    [FACT.machineIdFrom]: identity.machine?.source ?? '',
    [FACT.bootId]: identity.machine?.boot ?? '',
    [FACT.uptime]: facts.uptimeSeconds === undefined ? '' : String(facts.uptimeSeconds),
    [FACT.ts]: formatTimestamp(now),
    [FACT.notSeenAddresses]: lack,
  };
  const metrics = new Map<string, Metric>();
  const add = (key: string, value: number, max: number): void => {
    metrics.set(key, { samples: [{ date: now, value }], min: value, max });
  };
  const { load1, cpu, memory } = facts;
  if (load1 !== undefined) add(FACT.load1, load1, load1);
  if (cpuPercent !== undefined && cpu) add(FACT.hostCpuPercent, cpuPercent, 100 * cpu.cores);
  if (memory) add(FACT.hostMemoryBytes, memory.usedBytes, memory.totalBytes);
  const node = {
    id,
    topology: 'host',
    latest: new Map(
      Object.entries(latest)
        .filter(([, value]) => value !== '')
        .map(([key, value]) => [key, { timestamp: now, value }]),
    ),
    sets: new Map([[FACT.localNetworks, localNetworks]]),
    metrics,
  };
  return { ...HEAD, nodes: new Map([[id, node]]) };
}
