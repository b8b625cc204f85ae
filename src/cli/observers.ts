/** The reporters and the resolver every report is made with, from the command line's options. */
import type { Logger } from 'pino';
import type { Observers } from '../probe/assemble-report.js';
import { createReverseResolver } from '../probe/dns/index.js';
import { createHostReporter } from '../probe/hosts/index.js';
import { createProcessReporter } from '../probe/processes/index.js';
import type { ObserveOptions } from './shared-options.js';
import { VERSION } from './version.js';

export function observersFor(
  options: ObserveOptions,
  probeId: string,
  log: Logger,
): Observers & { close(): Promise<void> } {
  const { hostname: hostName, procRoot } = options;
  const hosts = createHostReporter({ procRoot, hostName, version: VERSION, probeId });
  const processes = createProcessReporter({ procRoot, hostName });
  const resolver = createReverseResolver({});
  return {
    hostName,
    reporters: [hosts, processes],
    resolver,
    localNetworks: () => hosts.localNetworks(),
    log,
    async close() {
      await resolver.close();
    },
  };
}
