/** The addresses of this machine's network interfaces, or why they can't be had. */
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';

export class InterfacesError extends Error {
  override readonly name = 'InterfacesError';
  readonly code = 'INTERFACES_UNREADABLE';
}

/**
 * Of the network namespace the probe runs in, which is meant to be the host's.
 * @throws InterfacesError where the kernel gives no list, as in a sandbox without AF_NETLINK
 */
export function interfaceAddresses(): NetworkInterfaceInfo[] {
  try {
    return Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  } catch (cause) {
    throw new InterfacesError("cannot list this machine's network interfaces", { cause });
  }
}
