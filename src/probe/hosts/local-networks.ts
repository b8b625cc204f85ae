/**
 * The networks this machine's interfaces are in, as CIDR texts: the interface's address with its prefix length, the
 * way Scope reports them. An address outside of all hosts' networks is the Internet to the app.
 */
import type { NetworkInterfaceInfo } from 'node:os';
import { interfaceAddresses } from '../interfaces.js';

/** Sorted, without repeats. @throws InterfacesError */
export function readLocalNetworks(): readonly string[] {
  return networksOf(interfaceAddresses());
}

export function networksOf(addresses: readonly Pick<NetworkInterfaceInfo, 'cidr'>[]): readonly string[] {
  const networks = new Set<string>();
  for (const { cidr } of addresses) if (cidr !== null) networks.add(cidr);
  return [...networks].sort();
}
