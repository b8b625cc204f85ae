/** Facts about this host, as Scope's Host topology, and the networks it is in. */
import type { Timestamp, Topology, TopologyKey } from '../../report/model/model.js';
import { ProbeError } from '../errors.js';
import type { Reporter } from '../reporter.js';
import { describeLacks } from './describe-lacks.js';
import { cpuPercent, readHostFacts, type CpuTimes } from './host-facts.js';
import { hostTopology, type HostIdentity } from './host-topology.js';
import { networkOf, readLocalNetworks } from './local-networks.js';
import { machineIdentity } from './machine-identity.js';

export { machineIdentity, type MachineIdentity } from './machine-identity.js';

export interface NamespaceNetworks {
  readonly networks: readonly string[];
  /** In one line, what can't be read of them and what to do; absent when all can. */
  readonly lack?: string;
}

export interface HostReporterOptions extends HostIdentity {
  /** Where the host's /proc is. Default: `/proc`. */
  readonly procRoot?: string;
  /** CIDR texts of the networks of all network namespaces, as of now. Default: only those of the own one's interfaces. */
  readonly namespaceNetworks?: () => Promise<NamespaceNetworks>;
  /** Called with one line on what the host's node lacks; once, until that changes. */
  readonly warn?: (message: string) => void;
}

/** Its report always has the host. Facts that can't be read are left out and named in the log. */
export function createHostReporter(options: HostReporterOptions): Reporter {
  const { procRoot = '/proc', warn = () => undefined, namespaceNetworks } = options;
  let before: CpuTimes | undefined;
  const machine = machineIdentity(procRoot);
  let told = '';
  const tell = (lacks: readonly ProbeError[]): void => {
    const text = describeLacks(lacks);
    if (text !== told && lacks.length > 0) warn(`the host goes without some facts: ${text}`);
    told = text;
  };
  return {
    name: 'hosts',
    async report(now: Timestamp): Promise<ReadonlyMap<TopologyKey, Topology>> {
      const { facts, lacks } = await readHostFacts(procRoot);
      const percent = before && facts.cpu && cpuPercent(before, facts.cpu);
      before = facts.cpu;
      const read = networksOrLack();
      const others = await namespaceNetworks?.();
      const networks = withOthers(read.networks, others?.networks ?? []);
      tell([...lacks, ...read.lacks]);
      const host = hostTopology({ ...options, machine }, facts, percent, networks, now, others?.lack);
      return new Map([['Host', host]]);
    },
  };
}

function networksOrLack(): { networks: readonly string[]; lacks: readonly ProbeError[] } {
  try {
    return { networks: readLocalNetworks(), lacks: [] };
  } catch (error) {
    if (!(error instanceof ProbeError)) throw error;
    return { networks: [], lacks: [error] };
  }
}

/** The own interfaces' networks are there by the interface's address: their bare networks need not be repeated. */
function withOthers(own: readonly string[], others: readonly string[]): readonly string[] {
  const known = new Set(own.map(networkOf));
  return [...own, ...others.filter((cidr) => !known.has(cidr))].sort();
}
