/**
 * The addresses of a network namespace's interfaces by NETLINK_ROUTE, as the kernel's messages (`rtnetlink(7)`,
 * `if_addr.h`). Pure; the asking is in `net-addresses.ts`.
 */
import { writeIpv4 } from '../records/address.js';

export const NETLINK_ROUTE = 0;

const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const NLMSG = { Error: 2, Done: 3 } as const;
const NLM_F_REQUEST_DUMP = 0x301;
const HEADER_BYTES = 16;
/** struct ifaddrmsg: family, prefix length, flags, scope, u32 interface. */
const IFADDRMSG_BYTES = 8;
const ATTRIBUTE_HEADER_BYTES = 4;
const ATTRIBUTE = { Address: 1, Local: 2 } as const;
const FAMILY = { inet: 2, inet6: 10 } as const;
const FAMILY_BYTES: Readonly<Record<number, number>> = { [FAMILY.inet]: 4, [FAMILY.inet6]: 16 };

export interface InterfaceAddress {
  /** The interface's own address, four words as records have them. */
  readonly own: Int32Array;
  /** An address in its network: the other end's on a link of two. */
  readonly network: Int32Array;
  /** Bits of the network's prefix: of 32 for IPv4, else of 128. */
  readonly prefix: number;
}

/** Asks for all addresses of both families. */
export function addressesRequest(): Uint8Array {
  const request = new Uint8Array(HEADER_BYTES + IFADDRMSG_BYTES);
  const view = new DataView(request.buffer);
  view.setUint32(0, request.length, true);
  view.setUint16(4, RTM_GETADDR, true);
  view.setUint16(6, NLM_F_REQUEST_DUMP, true);
  return request;
}

export interface AddressDump {
  readonly addresses: readonly InterfaceAddress[];
  /** The answer ends in these bytes. */
  readonly done: boolean;
}

/** What is not of the documented form is passed over. @throws Error (errno) when the kernel answers with one */
export function readAddresses(bytes: Uint8Array): AddressDump {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const addresses: InterfaceAddress[] = [];
  let done = false;
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || at + length > bytes.length) break;
    const type = view.getUint16(at + 4, true);
    if (type === NLMSG.Done) done = true;
    if (type === NLMSG.Error) throw refused(view, at, length);
    if (type === RTM_NEWADDR) {
      const address = readAddress(view, at + HEADER_BYTES, at + length);
      if (address !== undefined) addresses.push(address);
    }
    at += (length + 3) & ~3;
  }
  return { addresses, done };
}

function readAddress(view: DataView, at: number, end: number): InterfaceAddress | undefined {
  if (at + IFADDRMSG_BYTES > end) return undefined;
  const size = FAMILY_BYTES[view.getUint8(at)];
  const prefix = view.getUint8(at + 1);
  if (size === undefined || prefix > size * 8) return undefined;
  let local: Int32Array | undefined;
  let address: Int32Array | undefined;
  for (let next = at + IFADDRMSG_BYTES; next + ATTRIBUTE_HEADER_BYTES <= end;) {
    const length = view.getUint16(next, true);
    if (length < ATTRIBUTE_HEADER_BYTES || next + length > end) break;
    const type = view.getUint16(next + 2, true);
    if (length === ATTRIBUTE_HEADER_BYTES + size) {
      if (type === ATTRIBUTE.Local) local = wordsOf(view, next + ATTRIBUTE_HEADER_BYTES, size);
      if (type === ATTRIBUTE.Address) address = wordsOf(view, next + ATTRIBUTE_HEADER_BYTES, size);
    }
    next += (length + 3) & ~3;
  }
  // IPv6 tells a local address only on links of two.
  const own = local ?? address;
  return own && { own, network: address ?? own, prefix };
}

function wordsOf(view: DataView, at: number, size: number): Int32Array {
  const words = new Int32Array(4);
  if (size === 4) writeIpv4(words, 0, view.getInt32(at, true));
  else for (let i = 0; i < 4; i++) words[i] = view.getInt32(at + i * 4, true);
  return words;
}

function refused(view: DataView, at: number, length: number): Error {
  const errno = length >= HEADER_BYTES + 4 ? -view.getInt32(at + HEADER_BYTES, true) : 0;
  return Object.assign(new Error(`the kernel refused to list addresses by netlink (errno ${errno})`), {
    errno,
  });
}
