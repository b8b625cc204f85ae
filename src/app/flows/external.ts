/**
 * Where an end of a flow goes that no probe saw: a known cloud service, another private network, the Internet, an address of
 * the fleet whose server is unknown, or nowhere.
 */
import ipaddr from 'ipaddr.js';
import { addressPort } from '../../report/model/address-port.js';
import type { DnsNames } from '../../report/model/model.js';
import { endpointNodeId, parseEndpointNodeId } from '../../report/model/node-ids.js';
import { isLinkOnly, type NetworkSet } from './networks.js';
import { privateRange } from './private-networks.js';
import type { ViewEnd } from './view-end.js';

export const INCOMING_INTERNET = 'in-theinternet';
export const OUTGOING_INTERNET = 'out-theinternet';
export const SERVICE_PREFIX = 'service-';
export const UNCONTAINED_PREFIX = 'pseudo:uncontained:';
export const UNMANAGED_PREFIX = 'pseudo:unmanaged:';
/** Followed by the name of a machine without a probe in a private network, or by the network. */
export const PRIVATE_PREFIX = 'pseudo:private:';
/** Followed by the id of an endpoint that is dialled in vain. */
export const UNANSWERED_PREFIX = 'pseudo:unanswered:';
/** Followed by the id of an endpoint that is dialled, at an address of the fleet, and whose server no probe knows. */
const DIALLED_PREFIX = 'pseudo:dialled:';
/** Followed by the id of an endpoint of which nothing tells in which of several networks it is. */
const AMBIGUOUS_PREFIX = 'pseudo:ambiguous:';

const KNOWN_SERVICE =
  /^.+\.(?:amazonaws\.com|googleapis\.com|core\.windows\.net|servicebus\.windows\.net|azure-api\.net|onmicrosoft\.com|cloudapp\.azure\.com|database\.windows\.net|documents\.azure\.com)$/;
/** A machine rented at a cloud is not that cloud's service. */
const RENTED_MACHINE = /^ec2.*\.amazonaws\.com$/;

/** True for DNS names that stand for a service rather than for a machine. */
function isKnownService(name: string): boolean {
  return KNOWN_SERVICE.test(name) && !RENTED_MACHINE.test(name);
}

/** True for nodes of addresses where nobody answers. */
export function isUnanswered(id: string): boolean {
  return id.startsWith(UNANSWERED_PREFIX);
}

/** What is known of addresses. */
export interface Addresses {
  readonly dns: ReadonlyMap<string, DnsNames>;
  /** Networks that hosts of the fleet are in. */
  readonly local: NetworkSet;
  /** Whether some probe saw a socket at the address: what it did not see there is a part of what it saw. */
  readonly isOurs: (address: string) => boolean;
}

/** Id of the node of an end that may be in any of several networks. */
export function ambiguousNodeId({ end }: ViewEnd): string {
  return AMBIGUOUS_PREFIX + endpointNodeId(end.scope, end.address, end.port);
}

/** Pseudo node of an end that no probe saw; undefined when it is inside of the fleet, or its address can't tell. */
export function externalNodeId(
  { end: { scope, address, port }, opens }: ViewEnd,
  { dns, local, isOurs }: Addresses,
): string | undefined {
  const known = dns.get(address);
  const names = [...(known?.forward ?? []), ...(known?.reverse ?? [])];
  for (const name of names) if (isKnownService(name)) return SERVICE_PREFIX + name;
  if (scope !== '' || !ipaddr.isValid(address) || isLinkOnly(address)) return undefined;
  if (isOurs(address)) return opens ? undefined : DIALLED_PREFIX + endpointNodeId(scope, address, port);
  if (local.isInterface(address)) return undefined;
  const network = local.find(address) ?? privateRange(address);
  if (network !== undefined) return PRIVATE_PREFIX + (names[0] ?? network);
  return opens ? INCOMING_INTERNET : OUTGOING_INTERNET;
}

/** Label and small print of nodes that are one address; undefined for others. */
export function nameOfAddressNode(id: string): { label: string; labelMinor: string } | undefined {
  for (const [prefix, labelMinor] of [
    [DIALLED_PREFIX, 'dialled, server unknown'],
    [AMBIGUOUS_PREFIX, 'ambiguous: several networks have this address'],
  ] as const) {
    if (!id.startsWith(prefix)) continue;
    const { address = '', port = '0' } = parseEndpointNodeId(id.slice(prefix.length)) ?? {};
    return { label: port === '0' ? address : addressPort(address, Number(port)), labelMinor };
  }
  return undefined;
}

/** True for the two Internet nodes. */
function isInternet(id: string): boolean {
  return id === INCOMING_INTERNET || id === OUTGOING_INTERNET;
}

/** True for nodes of many addresses that no probe is at: the Internet, and other private networks. */
export function isOutside(id: string): boolean {
  return isInternet(id) || id.startsWith(PRIVATE_PREFIX);
}

/** True for nodes of one address that no probe could place. */
export function isUnplaced(id: string): boolean {
  return isUnanswered(id) || id.startsWith(DIALLED_PREFIX) || id.startsWith(AMBIGUOUS_PREFIX);
}

/** True for ids of nodes that stand for something no probe reported. */
export function isPseudoId(id: string): boolean {
  return (
    isOutside(id) ||
    isUnplaced(id) ||
    id.startsWith(UNCONTAINED_PREFIX) ||
    id.startsWith(UNMANAGED_PREFIX) ||
    (id.startsWith(SERVICE_PREFIX) && isKnownService(id.slice(SERVICE_PREFIX.length)))
  );
}
