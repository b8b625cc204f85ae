/** The addresses of this machine's network interfaces, or why they can't be had. */
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { ProbeError } from './errors.js';

/**
 * Of the network namespace the probe runs in, which is meant to be the host's.
 * @throws ProbeError INTERFACES_UNREADABLE where the kernel gives no list, as in a sandbox without AF_NETLINK
 */
export function interfaceAddresses(): NetworkInterfaceInfo[] {
  try {
    return Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  } catch (cause) {
    throw new ProbeError('INTERFACES_UNREADABLE', "cannot list this machine's network interfaces", { cause });
  }
}
