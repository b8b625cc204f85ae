/** Whether an address may be asked for at all, of which kind it is, and the name to ask for. Pure. */
import ipaddr from 'ipaddr.js';

export interface Question {
  /** The address's name below in-addr.arpa or ip6.arpa. */
  readonly name: string;
  readonly kind: 'private' | 'public';
}

/** Ranges (in ipaddr.js's terms) that mean nothing beyond one machine or one link, or no one machine at all. */
const NEVER_ASKED = new Set(['loopback', 'linkLocal', 'unspecified', 'multicast', 'broadcast']);
const PRIVATE = new Set(['private', 'uniqueLocal', 'carrierGradeNat']);

/** Undefined for what no resolver can know: loopback, link-local, unspecified, multicast; and for no address. */
export function questionFor(address: string): Question | undefined {
  if (!ipaddr.isValid(address)) return undefined;
  const parsed = ipaddr.process(address);
  const range = parsed.range();
  if (NEVER_ASKED.has(range)) return undefined;
  return { name: reverseName(parsed), kind: PRIVATE.has(range) ? 'private' : 'public' };
}

function reverseName(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  const bytes = address.toByteArray();
  if (address.kind() === 'ipv4') return `${bytes.reverse().join('.')}.in-addr.arpa`;
  const nibbles = bytes.flatMap((byte) => [byte >> 4, byte & 15]);
  return `${nibbles
    .reverse()
    .map((nibble) => nibble.toString(16))
    .join('.')}.ip6.arpa`;
}
