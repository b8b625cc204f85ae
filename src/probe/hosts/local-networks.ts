/**
 * The networks this machine's interfaces are in, as CIDR texts: the interface's address with its prefix length, the
 * way Scope reports them. An address outside of all hosts' networks is the Internet to the app.
 */
import ipaddr from 'ipaddr.js';
import type { NetworkInterfaceInfo } from 'node:os';
import { interfaceAddresses } from '../interfaces.js';

/** Sorted, without repeats. @throws ProbeError INTERFACES_UNREADABLE */
export function readLocalNetworks(): readonly string[] {
  return networksOf(interfaceAddresses());
}

function networksOf(addresses: readonly Pick<NetworkInterfaceInfo, 'cidr'>[]): readonly string[] {
  const networks = new Set<string>();
  for (const { cidr } of addresses) if (cidr !== null) networks.add(cidr);
  return [...networks].sort();
}

/** `10.1.2.3/16` → `10.1.0.0/16`; text that is no network as it is. */
export function networkOf(cidr: string): string {
  if (!ipaddr.isValidCIDR(cidr)) return cidr;
  const [address, bits] = ipaddr.parseCIDR(cidr);
  const bytes = address
    .toByteArray()
    .map((byte, i) => byte & (0xff00 >> Math.max(0, Math.min(8, bits - i * 8))) & 0xff);
  return `${ipaddr.fromByteArray(bytes).toString()}/${bits}`;
}
