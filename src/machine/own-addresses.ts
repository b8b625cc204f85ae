/** Whether a host is this machine, or on a link of it: what is said to it needs nobody in between. */
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { hostsFile } from './hosts-file.js';
import { ownNames } from './own-names.js';

/** Loopback, link-local (RFC 3927, RFC 4291), and the addresses that mean "here" to connect(). */
const LOCAL = new BlockList();
LOCAL.addSubnet('127.0.0.0', 8, 'ipv4');
LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LOCAL.addAddress('0.0.0.0', 'ipv4');
LOCAL.addAddress('::1', 'ipv6');
LOCAL.addAddress('::', 'ipv6');
LOCAL.addSubnet('fe80::', 10, 'ipv6');

/**
 * As of now, by the machine's interfaces, its names and /etc/hosts; no other name is looked up.
 * @param host an address without brackets, or a name
 */
export function isThisMachine(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  if (isIP(name) !== 0) return isLocal(name) || interfaceList().check(name, familyOf(name));
  // RFC 6761, 6.3: whatever ends so is loopback.
  if (name === 'localhost' || name.endsWith('.localhost') || ownNames().has(name)) return true;
  const own = interfaceList();
  return hostsFile().some(
    ({ address, names }) =>
      names.includes(name) &&
      isIP(address) !== 0 &&
      (isLocal(address) || own.check(address, familyOf(address))),
  );
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');
const isLocal = (address: string): boolean => LOCAL.check(address, familyOf(address));

/** Nothing where the kernel gives no list, as in a sandbox without AF_NETLINK. */
function interfaceList(): BlockList {
  const list = new BlockList();
  try {
    for (const { address } of Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []))
      list.addAddress(address, familyOf(address));
  } catch {
    // The host's facts say in the log that there is none.
  }
  return list;
}
