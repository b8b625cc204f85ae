/** The reporters and the resolver every report is made with, from the command line's options. */
import { LastListeners } from '../probe/topology/index.js';
import type { Observers } from '../probe/assemble-report.js';
import { NetAddresses } from '../probe/namespaces/net-addresses.js';
import type { NamespaceListing } from '../probe/namespaces/net-namespaces.js';
import { createReverseResolver, parseServers, type ReverseResolver } from '../probe/dns/index.js';
import { createHostReporter } from '../probe/hosts/index.js';
import { createProcessReporter, type ProcessReporter } from '../probe/processes/index.js';
import { argumentsPolicy } from './options/detail-options.js';
import { thisHostName } from './host-name.js';
import type { Program } from './program.js';
import { RenewableResolver } from './renewable-resolver.js';
import type { ObserveOptions } from './options/shared-options.js';
import { VERSION } from './version.js';

export interface ComposedObservers extends Observers {
  readonly resolver: RenewableResolver;
  readonly processes: ProcessReporter;
  close(): Promise<void>;
}

/** @param namespaces as of the last snapshot of connections */
export function observersFor(
  options: ObserveOptions,
  probeId: string,
  program: Program,
  namespaces: NamespaceListing,
): ComposedObservers {
  const { procRoot } = options;
  const { log, supervisor } = program;
  const hostName = options.hostname ?? thisHostName(log);
  const warn = (message: string): void => {
    log.warn(message);
  };
  const addresses = new NetAddresses({ procRoot, listNamespaces: () => namespaces.last() });
  let told = '';
  const hosts = createHostReporter({
    procRoot,
    hostName,
    version: VERSION,
    probeId,
    warn,
    namespaceNetworks: async () => {
      await addresses.refresh();
      const { lack } = addresses.summary();
      if (lack !== undefined && lack !== told) log.warn((told = lack));
      return { networks: addresses.networks(), ...(lack !== undefined && { lack }) };
    },
  });
  const processes = createProcessReporter({
    procRoot,
    hostName,
    arguments: argumentsPolicy(options),
    maxProcesses: options.maxProcesses,
  });
  const makeResolver = (): ReverseResolver =>
    createReverseResolver({
      hostName,
      lookups: options.dns === 'on' ? 'on' : 'off',
      ...(options.dnsServer && { servers: parseServers(options.dnsServer) }),
      warn,
      inform: (message) => {
        log.info(message);
      },
      limits: {
        ratePerSecond: options.dnsRate,
        concurrency: options.dnsConcurrency,
        cacheMax: options.dnsCache,
      },
    });
  const resolver: RenewableResolver = supervisor.run(
    { name: 'dns', restart: () => resolver.renew() },
    () => new RenewableResolver(makeResolver),
  );
  return {
    hostName,
    reporters: [hosts, processes],
    resolver,
    processes,
    sharedAddresses: () => addresses.shared(),
    listeners: new LastListeners((address) => addresses.namespacesOf(address)),
    formerName: (pid, startTicks, comm) => processes.formerName(pid, startTicks, comm),
    startTicksOf: (pid) => processes.startTicksOf(pid),
    degradations: () => [
      ...resolver.troubles().map((text) => ({ part: 'dns', text })),
      ...program.troubles().map((text) => ({ part: 'program', text })),
    ],
    log,
    async close() {
      await Promise.all([resolver.close(), processes.close()]);
    },
  };
}
