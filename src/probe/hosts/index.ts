/** Facts about this host, as Scope's Host topology, and the networks it is in. */
import type { Timestamp, Topology, TopologyKey } from '../../report/model.js';
import type { Reporter } from '../reporter.js';
import { cpuPercent, readHostFacts, type CpuTimes } from './host-facts.js';
import { hostTopology, type HostIdentity } from './host-topology.js';
import { readLocalNetworks } from './local-networks.js';

export { HostFactsError, type HostFactsErrorCode } from './errors.js';

export interface HostReporterOptions extends HostIdentity {
  /** Where the host's /proc is. Default: `/proc`. */
  readonly procRoot?: string;
}

export interface HostReporter extends Reporter {
  /** CIDR texts of the interfaces' networks as of the last report; read now when there was none yet. */
  localNetworks(): readonly string[];
}

/** Its report rejects with HostFactsError when /proc can't be read. */
export function createHostReporter(options: HostReporterOptions): HostReporter {
  let networks: readonly string[] | undefined;
  let before: CpuTimes | undefined;
  return {
    name: 'hosts',
    async report(now: Timestamp): Promise<ReadonlyMap<TopologyKey, Topology>> {
      const facts = await readHostFacts(options.procRoot ?? '/proc');
      const percent = before && cpuPercent(before, facts.cpu);
      before = facts.cpu;
      networks = readLocalNetworks();
      return new Map([['Host', hostTopology(options, facts, percent, networks, now)]]);
    },
    localNetworks: () => (networks ??= readLocalNetworks()),
  };
}
