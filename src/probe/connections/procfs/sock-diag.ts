/**
 * The kernel's table of TCP sockets by NETLINK_SOCK_DIAG: the same as /proc/net/tcp and tcp6, but as fixed structures, and
 * only in the requested states. Pure; `socket-dump.ts` does the requests.
 *
 * A message's payload is `inet_diag_msg` (`inet_diag.h`); attributes after that are not requested, and skipped.
 */
import {
  netlinkRequest,
  readMessages,
  RequestFlag,
  viewOf,
  type AnswerState,
  type Attempt,
} from '../../../netlink/index.js';
import { type ADDRESS_WORDS, type SocketLine } from './socket-table.js';

const SOCK_DIAG_BY_FAMILY = 20;
/** struct inet_diag_req_v2. */
const REQUEST_BYTES = 56;
const IPPROTO_TCP = 6;
const FAMILY = { tcp: 2, tcp6: 10 } as const;

/** Offsets in struct inet_diag_msg; ports are in network order. */
const AT = {
  family: 0,
  state: 1,
  localPort: 4,
  remotePort: 6,
  localAddress: 8,
  remoteAddress: 24,
  inode: 68,
} as const;
const SOCKET_BYTES = 72;
/** Word 2 of an IPv4-mapped address. */
const MAPPED_PREFIX = 0xffff0000 | 0;

/** For the text of errors. */
export const LIST_SOCKETS: Attempt = {
  attempted: 'list sockets',
  advice: '/proc/net/tcp is read instead',
};

/** A request for one family's sockets. @param states bit s is set for TCP state s */
export function diagRequest(table: keyof typeof ADDRESS_WORDS, states: number): Uint8Array {
  const payload = new Uint8Array(REQUEST_BYTES);
  payload.set([FAMILY[table], IPPROTO_TCP]);
  viewOf(payload).setUint32(4, states, true);
  return netlinkRequest(SOCK_DIAG_BY_FAMILY, RequestFlag.Request | RequestFlag.Dump, payload);
}

export interface DiagCounts extends AnswerState {
  /** Messages without a socket of a known form, left out. */
  readonly malformed: number;
}

/**
 * Calls `onSocket` for every socket in one of the states. The line is reused for the next socket.
 * @throws NetlinkError REFUSED if the kernel answers with an error, BAD_FRAMING if lengths contradict each other
 */
export function readSocketDump(
  bytes: Uint8Array,
  states: number,
  onSocket: (line: SocketLine) => void,
): DiagCounts {
  const view = viewOf(bytes);
  let malformed = 0;
  const line: SocketLine = {
    local: new Int32Array(4),
    remote: new Int32Array(4),
    localPort: 0,
    remotePort: 0,
    state: 0,
    inode: 0,
  };
  const state = readMessages(view, LIST_SOCKETS, (type, from, to) => {
    if (type !== SOCK_DIAG_BY_FAMILY || to - from < SOCKET_BYTES) malformed++;
    else if (!isInet(view.getUint8(from + AT.family))) malformed++;
    else if (isWanted(view.getUint8(from + AT.state), states)) {
      readSocket(view, from, line);
      onSocket(line);
    }
  });
  return { ...state, malformed };
}

function isInet(family: number): boolean {
  return family === FAMILY.tcp || family === FAMILY.tcp6;
}

function isWanted(state: number, states: number): boolean {
  return state < 32 && ((states >>> state) & 1) === 1;
}

function readSocket(view: DataView, at: number, line: SocketLine): void {
  const family = view.getUint8(at + AT.family);
  readAddress(view, at + AT.localAddress, family, line.local);
  readAddress(view, at + AT.remoteAddress, family, line.remote);
  line.localPort = view.getUint16(at + AT.localPort);
  line.remotePort = view.getUint16(at + AT.remotePort);
  line.state = view.getUint8(at + AT.state);
  line.inode = view.getUint32(at + AT.inode, true);
}

function readAddress(view: DataView, at: number, family: number, words: Int32Array): void {
  if (family === FAMILY.tcp) {
    words[0] = words[1] = 0;
    words[2] = MAPPED_PREFIX;
    words[3] = view.getInt32(at, true);
    return;
  }
  for (let word = 0; word < 4; word++) words[word] = view.getInt32(at + word * 4, true);
}
