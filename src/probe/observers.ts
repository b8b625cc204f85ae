/** The reporters and the resolver that every state is made with. */
import type { Degradation } from './degradations.js';
import { createReverseResolver, parseServers, type ReverseResolver } from './dns/index.js';
import { RenewableResolver } from './dns/renewable-resolver.js';
import type { ProcessKnowledge } from './flows/process-names.js';
import { createHostReporter } from './hosts/index.js';
import { NetAddresses } from './namespaces/net-addresses.js';
import type { NamespaceListing } from './namespaces/net-namespaces.js';
import { createProcessReporter, type ProcessReporter } from './processes/index.js';
import type { Reporter } from './reporter.js';
import type { ObserveSettings } from './settings.js';
import type { Surroundings } from './surroundings.js';

export interface Observers {
  readonly hostName: string;
  readonly reporters: readonly Reporter[];
  readonly sharedAddresses: () => readonly Int32Array[];
  readonly namespacesOf: (address: string) => readonly number[];
  readonly knowledge: ProcessKnowledge;
  readonly degradations: () => readonly Degradation[];
  readonly resolver: ReverseResolver;
  readonly processes: ProcessReporter;
  close(): Promise<void>;
}

/** @param namespaces as of the last snapshot of connections */
export function createObservers(
  settings: ObserveSettings,
  probeId: string,
  { log, supervise, troubles }: Surroundings,
  namespaces: NamespaceListing,
): Observers {
  const { hostName, procRoot, version, dns } = settings;
  const warn = (message: string): void => {
    log.warn(message);
  };
  const addresses = new NetAddresses({ procRoot, listNamespaces: () => namespaces.last() });
  let warned = '';
  const hosts = createHostReporter({
    procRoot,
    hostName,
    version,
    probeId,
    warn,
    namespaceNetworks: async () => {
      await addresses.refresh();
      const { lack } = addresses.summary();
      if (lack !== undefined && lack !== warned) log.warn((warned = lack));
      return { networks: addresses.networks(), ...(lack !== undefined && { lack }) };
    },
  });
  const processes = createProcessReporter({
    procRoot,
    hostName,
    arguments: settings.arguments,
    maxProcesses: settings.maxProcesses,
  });
  const makeResolver = (): ReverseResolver =>
    createReverseResolver({
      hostName,
      lookups: dns.lookups,
      ...(dns.servers !== undefined && { servers: parseServers(dns.servers) }),
      warn,
      inform: (message) => {
        log.info(message);
      },
      limits: { ratePerSecond: dns.ratePerSecond, concurrency: dns.concurrency, cacheMax: dns.cacheMax },
    });
  const resolver: RenewableResolver = supervise(
    { name: 'dns', restart: () => resolver.renew() },
    () => new RenewableResolver(makeResolver),
  );
  return {
    hostName,
    reporters: [hosts, processes],
    resolver,
    processes,
    sharedAddresses: () => addresses.shared(),
    namespacesOf: (address) => addresses.namespacesOf(address),
    knowledge: {
      formerName: (pid, startTicks, comm) => processes.formerName(pid, startTicks, comm),
      startTicksOf: (pid) => processes.startTicksOf(pid),
    },
    degradations: () => [
      ...resolver.troubles().map((text) => ({ part: 'dns', text })),
      ...troubles().map((text) => ({ part: 'program', text })),
    ],
    async close() {
      await Promise.all([resolver.close(), processes.close()]);
    },
  };
}
