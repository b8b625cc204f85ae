/** Reverse DNS for reports: names of addresses, learnt in the background within bounds. */
import { ReverseDnsError } from './errors.js';
import { ownAddresses } from './own-addresses.js';
import { questionFor } from './question.js';
import {
  BackgroundResolver,
  DEFAULT_RESOLVER_LIMITS,
  type ResolverLimits,
  type ReverseResolver,
} from './reverse-resolver.js';
import { systemServers, type DnsServers } from './server-list.js';

export { ReverseDnsError, type ReverseDnsErrorCode } from './errors.js';
export { DEFAULT_RESOLVER_LIMITS, type ResolverLimits, type ReverseResolver } from './reverse-resolver.js';
export { parseServers, systemServers, type DnsServer, type DnsServers } from './server-list.js';

export interface ReverseResolverOptions {
  /** Name of this host's own addresses. Default: they have none. */
  readonly hostName?: string;
  /** Default: those of /etc/resolv.conf. */
  readonly servers?: DnsServers;
  /** `off`: no question leaves the machine; own addresses are still named. Default: `on`. */
  readonly lookups?: 'on' | 'off';
  readonly limits?: Partial<ResolverLimits>;
  /** Told in one line when the system names no servers. */
  readonly warn?: (message: string) => void;
}

/** @throws ReverseDnsError BAD_LIMIT */
export function createReverseResolver(options: ReverseResolverOptions = {}): ReverseResolver {
  const limits = { ...DEFAULT_RESOLVER_LIMITS, ...options.limits };
  for (const [name, value] of Object.entries(limits)) {
    if (!(value >= 1)) throw new ReverseDnsError('BAD_LIMIT', `cannot limit ${name} to ${value}`);
  }
  if (limits.ratePerSecond > 1000) {
    throw new ReverseDnsError('BAD_LIMIT', `cannot limit ratePerSecond to ${limits.ratePerSecond}`);
  }
  const isOwn = ownAddresses();
  const ownName = options.hostName === undefined ? [] : [options.hostName];
  const servers =
    options.lookups === 'off'
      ? { private: [], public: [] }
      : (options.servers ?? systemServers(options.warn));
  return new BackgroundResolver({
    servers,
    limits,
    // Loopback and link-local addresses are every machine's: in a merged report their name would be wrong.
    ownNames: (address) => (isOwn(address) && questionFor(address) !== undefined ? ownName : undefined),
  });
}
