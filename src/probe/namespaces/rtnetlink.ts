/**
 * The addresses of a network namespace's interfaces by NETLINK_ROUTE, as the kernel's messages (`rtnetlink(7)`,
 * `if_addr.h`). Pure; the asking is in `net-addresses.ts`.
 */
import {
  Attributes,
  netlinkRequest,
  readMessages,
  RequestFlag,
  viewOf,
  type AnswerState,
  type Attempt,
} from '../../netlink/index.js';
import { writeIpv4 } from '../records/address.js';

const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
/** struct ifaddrmsg: family, prefix length, flags, scope, u32 interface. */
const IFADDRMSG_BYTES = 8;
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

/** For the text of errors. */
export const LIST_ADDRESSES: Attempt = {
  attempted: 'list addresses of interfaces',
  advice: '/proc is read instead',
};

/** Asks for all addresses of both families. */
export function addressesRequest(): Uint8Array {
  const flags = RequestFlag.Request | RequestFlag.Dump;
  return netlinkRequest(RTM_GETADDR, flags, new Uint8Array(IFADDRMSG_BYTES));
}

export interface AddressDump extends AnswerState {
  readonly addresses: readonly InterfaceAddress[];
}

/**
 * What is no address of a known form is passed over.
 * @throws NetlinkError REFUSED when the kernel answers with an error, BAD_FRAMING when lengths contradict each other
 */
export function readAddresses(bytes: Uint8Array): AddressDump {
  const view = viewOf(bytes);
  const attributes = new Attributes(ATTRIBUTE.Local, view);
  const addresses: InterfaceAddress[] = [];
  const state = readMessages(view, LIST_ADDRESSES, (type, from, to) => {
    const address = type === RTM_NEWADDR ? readAddress(view, attributes, from, to) : undefined;
    if (address !== undefined) addresses.push(address);
  });
  return { ...state, addresses };
}

function readAddress(
  view: DataView,
  attributes: Attributes,
  from: number,
  to: number,
): InterfaceAddress | undefined {
  if (from + IFADDRMSG_BYTES > to || !attributes.read(from + IFADDRMSG_BYTES, to)) return undefined;
  const size = FAMILY_BYTES[view.getUint8(from)];
  const prefix = view.getUint8(from + 1);
  if (size === undefined || prefix > size * 8) return undefined;
  const wordsAt = (type: number): Int32Array | undefined => {
    const at = attributes.offsetOf(type, size);
    return at < 0 ? undefined : wordsOf(view, at, size);
  };
  const address = wordsAt(ATTRIBUTE.Address);
  // IPv6 has a local address on links of two only.
  const own = wordsAt(ATTRIBUTE.Local) ?? address;
  return own && { own, network: address ?? own, prefix };
}

function wordsOf(view: DataView, at: number, size: number): Int32Array {
  const words = new Int32Array(4);
  if (size === 4) writeIpv4(words, 0, view.getInt32(at, true));
  else for (let i = 0; i < 4; i++) words[i] = view.getInt32(at + i * 4, true);
  return words;
}
