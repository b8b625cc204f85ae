/** Reverse DNS for reports: names of addresses, learnt in the background within bounds. */
import { ProbeError } from '../errors.js';
import { ownAddresses } from './own-addresses.js';
import { questionFor } from './question.js';
import {
  BackgroundResolver,
  DEFAULT_RESOLVER_LIMITS,
  type ResolverLimits,
  type ReverseResolver,
} from './reverse-resolver.js';
import { ServerHealth } from './server-health.js';
import type { ChosenServers, DnsServers } from './server-list.js';
import { SystemServers } from './system-servers.js';

export { DEFAULT_RESOLVER_LIMITS, type ResolverLimits, type ReverseResolver } from './reverse-resolver.js';
export { parseServers, type ChosenServers, type DnsServer } from './server-list.js';
export { trySystemServers, type TriedServer } from './try-servers.js';
export { SystemServers } from './system-servers.js';

export interface ReverseResolverOptions {
  /** Name of this host's own addresses. Default: they have none. */
  readonly hostName?: string;
  /** A kind of address that none are chosen for has those of /etc/resolv.conf, which is read again when it changes. */
  readonly servers?: ChosenServers;
  /** Default: those of /etc/resolv.conf. */
  readonly system?: SystemServers;
  /** `off`: no question leaves the machine; own addresses are still named. Default: `on`. */
  readonly lookups?: 'on' | 'off';
  readonly limits?: Partial<ResolverLimits>;
  /** Called with one line when the system names no servers, or one can't be asked. */
  readonly warn?: (message: string) => void;
  /** Called with one line when that is over. */
  readonly inform?: (message: string) => void;
}

/** @throws ProbeError BAD_DNS_LIMIT */
export function createReverseResolver(options: ReverseResolverOptions = {}): ReverseResolver {
  const limits = { ...DEFAULT_RESOLVER_LIMITS, ...options.limits };
  for (const [name, value] of Object.entries(limits)) {
    if (!(value >= 1)) throw new ProbeError('BAD_DNS_LIMIT', `cannot limit ${name} to ${value}`);
  }
  if (limits.ratePerSecond > 1000) {
    throw new ProbeError('BAD_DNS_LIMIT', `cannot limit ratePerSecond to ${limits.ratePerSecond}`);
  }
  const isOwn = ownAddresses();
  const ownName = options.hostName === undefined ? [] : [options.hostName];
  const health = new ServerHealth(options);
  return new BackgroundResolver({
    servers: serversOf(options),
    health,
    limits,
    // Loopback and link-local addresses are every machine's: in a merged report their name would be wrong.
    ownNames: (address) => (isOwn(address) && questionFor(address) !== undefined ? ownName : undefined),
  });
}

const NO_SERVERS: DnsServers = { private: [], public: [] };

/** Answers the same object as long as the servers are the same. */
function serversOf({
  lookups,
  servers: chosen = {},
  system,
  warn,
}: ReverseResolverOptions): () => DnsServers {
  if (lookups === 'off') return () => NO_SERVERS;
  const { private: ofPrivate, public: ofPublic } = chosen;
  if (ofPrivate && ofPublic) {
    const fixed = { private: ofPrivate, public: ofPublic };
    return () => fixed;
  }
  const ofSystem = system ?? new SystemServers({ ...(warn && { warn }) });
  let last: readonly unknown[] | undefined;
  let servers = NO_SERVERS;
  return () => {
    const now = ofSystem.current();
    if (now !== last) {
      last = now;
      servers = { private: ofPrivate ?? now, public: ofPublic ?? now };
    }
    return servers;
  };
}
