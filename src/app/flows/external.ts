/**
 * Where an endpoint goes that no probe owns: a known cloud service, another private network, the Internet, or nowhere.
 */
import ipaddr from 'ipaddr.js';
import type { DnsNames } from '../../report/model/model.js';
import type { EndpointFacts } from './endpoint.js';
import { isLinkOnly, type NetworkSet } from './networks.js';
import { privateRange } from './private-networks.js';

export const INCOMING_INTERNET = 'in-theinternet';
export const OUTGOING_INTERNET = 'out-theinternet';
export const SERVICE_PREFIX = 'service-';
export const UNCONTAINED_PREFIX = 'pseudo:uncontained:';
export const UNMANAGED_PREFIX = 'pseudo:unmanaged:';
/** Followed by the name of a machine without a probe in a private network, or by the network. */
export const PRIVATE_PREFIX = 'pseudo:private:';

const KNOWN_SERVICE =
  /^.+\.(?:amazonaws\.com|googleapis\.com|core\.windows\.net|servicebus\.windows\.net|azure-api\.net|onmicrosoft\.com|cloudapp\.azure\.com|database\.windows\.net|documents\.azure\.com)$/;
/** A machine rented at a cloud is not that cloud's service. */
const RENTED_MACHINE = /^ec2.*\.amazonaws\.com$/;

/** True for DNS names that stand for a service rather than for a machine. */
function isKnownService(name: string): boolean {
  return KNOWN_SERVICE.test(name) && !RENTED_MACHINE.test(name);
}

/** Followed by the id of an endpoint that is dialled in vain. */
export const UNANSWERED_PREFIX = 'pseudo:unanswered:';

/** True for nodes of addresses where nobody answers. */
export function isUnanswered(id: string): boolean {
  return id.startsWith(UNANSWERED_PREFIX);
}

/** What is known of addresses. */
export interface Addresses {
  readonly dns: ReadonlyMap<string, DnsNames>;
  /** Networks that hosts of the fleet are in. */
  readonly local: NetworkSet;
  /** Whether some probe owns an endpoint at the address: what it does not own there is a part of what it saw. */
  readonly isOurs: (address: string) => boolean;
}

/** Pseudo node of an endpoint outside the fleet; undefined when it is inside, or its address cannot tell. */
export function externalNodeId(
  { scope, address, opens }: Pick<EndpointFacts, 'scope' | 'address' | 'opens'>,
  { dns, local, isOurs }: Addresses,
): string | undefined {
  const known = dns.get(address);
  const names = [...(known?.forward ?? []), ...(known?.reverse ?? [])];
  for (const name of names) if (isKnownService(name)) return SERVICE_PREFIX + name;
  if (scope !== '' || !ipaddr.isValid(address) || isLinkOnly(address)) return undefined;
  if (local.isInterface(address) || isOurs(address)) return undefined;
  const network = local.find(address) ?? privateRange(address);
  if (network !== undefined) return PRIVATE_PREFIX + (names[0] ?? network);
  return opens ? INCOMING_INTERNET : OUTGOING_INTERNET;
}

/** True for the two Internet nodes. */
function isInternet(id: string): boolean {
  return id === INCOMING_INTERNET || id === OUTGOING_INTERNET;
}

/** True for nodes of many addresses that no probe is at: the Internet, and other private networks. */
export function isOutside(id: string): boolean {
  return isInternet(id) || id.startsWith(PRIVATE_PREFIX);
}

/** True for ids of nodes that stand for something no probe reported. */
export function isPseudoId(id: string): boolean {
  return (
    isOutside(id) ||
    isUnanswered(id) ||
    id.startsWith(UNCONTAINED_PREFIX) ||
    id.startsWith(UNMANAGED_PREFIX) ||
    (id.startsWith(SERVICE_PREFIX) && isKnownService(id.slice(SERVICE_PREFIX.length)))
  );
}
