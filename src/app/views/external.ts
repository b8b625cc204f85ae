/**
 * Where an endpoint goes that no probe owns: a known cloud service, the Internet, or nowhere.
 */
import ipaddr from 'ipaddr.js';
import type { DnsNames } from '../../report/model.js';
import type { EndpointFacts } from './endpoint.js';
import { isLinkOnly, type NetworkSet } from './networks.js';

export const INCOMING_INTERNET = 'in-theinternet';
export const OUTGOING_INTERNET = 'out-theinternet';
export const SERVICE_PREFIX = 'service-';
export const UNCONTAINED_PREFIX = 'pseudo:uncontained:';
export const UNMANAGED_PREFIX = 'pseudo:unmanaged:';

const KNOWN_SERVICE =
  /^.+\.(?:amazonaws\.com|googleapis\.com|core\.windows\.net|servicebus\.windows\.net|azure-api\.net|onmicrosoft\.com|cloudapp\.azure\.com|database\.windows\.net|documents\.azure\.com)$/;
/** A machine rented at a cloud is not that cloud's service. */
const RENTED_MACHINE = /^ec2.*\.amazonaws\.com$/;

/** True for DNS names that stand for a service rather than for a machine. */
export function isKnownService(name: string): boolean {
  return KNOWN_SERVICE.test(name) && !RENTED_MACHINE.test(name);
}

/** Pseudo node of an endpoint outside the fleet; undefined when it is inside, or its address cannot tell. */
export function externalNodeId(
  endpoint: Pick<EndpointFacts, 'scope' | 'address' | 'opens'>,
  dns: ReadonlyMap<string, DnsNames>,
  local: NetworkSet,
): string | undefined {
  const names = dns.get(endpoint.address);
  if (names !== undefined) {
    for (const name of [...(names.forward ?? []), ...(names.reverse ?? [])]) {
      if (isKnownService(name)) return SERVICE_PREFIX + name;
    }
  }
  if (endpoint.scope !== '' || !ipaddr.isValid(endpoint.address)) return undefined;
  if (local.contains(endpoint.address) || isLinkOnly(endpoint.address)) return undefined;
  return endpoint.opens ? INCOMING_INTERNET : OUTGOING_INTERNET;
}

/** True for the two Internet nodes. */
export function isInternet(id: string): boolean {
  return id === INCOMING_INTERNET || id === OUTGOING_INTERNET;
}

/** True for ids of nodes that stand for something no probe reported. */
export function isPseudoId(id: string): boolean {
  return (
    isInternet(id) ||
    id.startsWith(UNCONTAINED_PREFIX) ||
    id.startsWith(UNMANAGED_PREFIX) ||
    (id.startsWith(SERVICE_PREFIX) && isKnownService(id.slice(SERVICE_PREFIX.length)))
  );
}
