/**
 * The networks this machine's interfaces are in, as CIDR texts: the interface's address with its prefix length, the
 * way Scope reports them. An address outside of all hosts' networks is the Internet to the app.
 */
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';

/** Of the network namespace the probe runs in, which is meant to be the host's. Sorted, without repeats. */
export function readLocalNetworks(): readonly string[] {
  return networksOf(Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []));
}

export function networksOf(addresses: readonly Pick<NetworkInterfaceInfo, 'cidr'>[]): readonly string[] {
  const networks = new Set<string>();
  for (const { cidr } of addresses) if (cidr !== null) networks.add(cidr);
  return [...networks].sort();
}
