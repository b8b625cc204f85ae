/**
 * What old Scope probes send in another form, made what newer ones send. Each rule only fills what is missing, so a
 * report of a newer probe passes unchanged, and upgrading twice is upgrading once.
 */
import { FACT } from '../keys.js';
import type { DnsNames, Node, Report, Topology, TopologyKey } from '../model/model.js';
import { namespaceNodeId, parseEndpointNodeId } from '../model/node-ids.js';
import { unionOf } from '../model/string-sets.js';

/** @param misnamedDns what one release sent as `nodes` of the report itself: its DNS records */
export function upgradeReport(report: Report, misnamedDns: ReadonlyMap<string, DnsNames>): Report {
  return addNamespaces(replacePodParents(addDns(report, misnamedDns)));
}

/** Names were sets of the endpoints once. */
function addDns(report: Report, misnamedDns: ReadonlyMap<string, DnsNames>): Report {
  if (report.dns.size > 0) return report;
  if (misnamedDns.size > 0) return { ...report, dns: misnamedDns };
  const dns = new Map<string, DnsNames>();
  for (const [id, { sets }] of report.topologies.get('Endpoint')?.nodes ?? []) {
    const forward = sets?.get(FACT.snoopedDnsNames) ?? [];
    const reverse = sets?.get(FACT.reverseDnsNames) ?? [];
    const address = parseEndpointNodeId(id)?.address;
    if (address === undefined || forward.length + reverse.length === 0) continue;
    const known = dns.get(address);
    dns.set(address, {
      ...withNames('forward', unionOf([known?.forward ?? [], forward])),
      ...withNames('reverse', unionOf([known?.reverse ?? [], reverse])),
    });
  }
  return dns.size > 0 ? { ...report, dns } : report;
}

function withNames(key: 'forward' | 'reverse', names: readonly string[]): DnsNames {
  return names.length > 0 ? { [key]: names } : {};
}

/** Pods belonged to replica sets, these to deployments; now pods belong to deployments. */
function replacePodParents(report: Report): Report {
  const pods = report.topologies.get('Pod');
  if (pods === undefined) return report;
  const replicaSets = report.topologies.get('ReplicaSet')?.nodes;
  let nodes: Map<string, Node> | undefined;
  for (const [id, pod] of pods.nodes) {
    const replicaSetIds = pod.parents?.get('replica_set');
    if (pod.parents === undefined || replicaSetIds === undefined) continue;
    const deployments = replicaSetIds.map(
      (parent) => replicaSets?.get(parent)?.parents?.get('deployment') ?? [],
    );
    const parents = new Map(pod.parents);
    parents.delete('replica_set');
    const union = unionOf([parents.get('deployment') ?? [], ...deployments]);
    if (union.length > 0) parents.set('deployment', union);
    nodes ??= new Map(pods.nodes);
    const { parents: _, ...rest } = pod;
    nodes.set(id, parents.size > 0 ? { ...rest, parents } : rest);
  }
  return nodes === undefined ? report : withTopology(report, 'Pod', { ...pods, nodes });
}

const NAMESPACED = ['Pod', 'Service', 'Deployment', 'DaemonSet', 'StatefulSet', 'CronJob'] as const;

/** Namespaces had no nodes; the things in them know their names. */
function addNamespaces(report: Report): Report {
  const known = report.topologies.get('Namespace');
  if (known !== undefined && known.nodes.size > 0) return report;
  const nodes = new Map<string, Node>();
  for (const key of NAMESPACED) {
    for (const { latest } of report.topologies.get(key)?.nodes.values() ?? []) {
      const namespace = latest?.get(FACT.kubernetesNamespace);
      if (!namespace?.value || latest?.get(FACT.kubernetesState)?.value === 'deleted') continue;
      const id = namespaceNodeId(namespace.value);
      if (nodes.has(id)) continue;
      nodes.set(id, { id, topology: 'namespace', latest: new Map([[FACT.kubernetesName, namespace]]) });
    }
  }
  return nodes.size === 0 ? report : withTopology(report, 'Namespace', { ...known, nodes });
}

function withTopology(report: Report, key: TopologyKey, topology: Topology): Report {
  return { ...report, topologies: new Map(report.topologies).set(key, topology) };
}
