/**
 * The kernel's table of TCP sockets by NETLINK_SOCK_DIAG: the same as /proc/net/tcp and tcp6, but as fixed structures,
 * and only of the states that are asked for. Pure; the asking is in `socket-dump.ts`.
 *
 * A message is `nlmsghdr` and `inet_diag_msg` (`inet_diag.h`); attributes after that are not asked for and passed over.
 */
import { ProcfsError } from './errors.js';
import { ADDRESS_WORDS, type SocketLine } from './socket-table.js';

export const NETLINK_SOCK_DIAG = 4;

const SOCK_DIAG_BY_FAMILY = 20;
const HEADER_BYTES = 16;
const REQUEST_BYTES = HEADER_BYTES + 56;
const NLM_F_REQUEST_DUMP = 0x301;
const NLM_F_DUMP_INTERRUPTED = 0x10;
const NLMSG = { Error: 2, Done: 3 } as const;
const IPPROTO_TCP = 6;
const FAMILY = { tcp: 2, tcp6: 10 } as const;

/** Offsets in a message, its header included; ports are in network order. */
const AT = {
  family: 16,
  state: 17,
  localPort: 20,
  remotePort: 22,
  localAddress: 24,
  remoteAddress: 40,
  inode: 84,
} as const;
const MESSAGE_BYTES = 88;
/** Word 2 of an IPv4-mapped address. */
const MAPPED_PREFIX = 0xffff0000 | 0;

/** Asks for one family's sockets. @param states bit s is set for TCP state s */
export function diagRequest(table: keyof typeof ADDRESS_WORDS, states: number): Uint8Array {
  const request = new Uint8Array(REQUEST_BYTES);
  const view = new DataView(request.buffer);
  view.setUint32(0, REQUEST_BYTES, true);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  view.setUint16(6, NLM_F_REQUEST_DUMP, true);
  view.setUint8(HEADER_BYTES, FAMILY[table]);
  view.setUint8(HEADER_BYTES + 1, IPPROTO_TCP);
  view.setUint32(HEADER_BYTES + 4, states, true);
  return request;
}

export interface DiagCounts {
  /** Messages that are no socket of a known form, left out. */
  malformed: number;
  /** The answer ends in these bytes. */
  done: boolean;
  /** The table changed under the dump: sockets may be missing, or be there twice. */
  interrupted: boolean;
}

/**
 * Calls `onSocket` for every socket in one of the states. The line is reused for the next one.
 * @throws ProcfsError DIAG_REFUSED when the kernel answers with an error, DIAG_MALFORMED when lengths contradict each other
 */
export function readSocketDump(
  bytes: Uint8Array,
  states: number,
  onSocket: (line: SocketLine) => void,
): DiagCounts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const counts: DiagCounts = { malformed: 0, done: false, interrupted: false };
  const line: SocketLine = {
    local: new Int32Array(4),
    remote: new Int32Array(4),
    localPort: 0,
    remotePort: 0,
    state: 0,
    inode: 0,
  };
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || at + length > bytes.length) throw malformed(at, length, bytes.length);
    const type = view.getUint16(at + 4, true);
    if ((view.getUint16(at + 6, true) & NLM_F_DUMP_INTERRUPTED) !== 0) counts.interrupted = true;
    if (type === NLMSG.Done) counts.done = true;
    else if (type === NLMSG.Error) throw refused(view, at, length);
    else if (type !== SOCK_DIAG_BY_FAMILY || length < MESSAGE_BYTES) counts.malformed++;
    else if (!isInet(view.getUint8(at + AT.family))) counts.malformed++;
    else if (isWanted(view.getUint8(at + AT.state), states)) {
      readSocket(view, at, line);
      onSocket(line);
    }
    at += (length + 3) & ~3;
  }
  if (at < bytes.length) throw malformed(at, bytes.length - at, bytes.length);
  return counts;
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

function refused(view: DataView, at: number, length: number): ProcfsError {
  const errno = length >= HEADER_BYTES + 4 ? -view.getInt32(at + HEADER_BYTES, true) : 0;
  return new ProcfsError(
    'DIAG_REFUSED',
    `the kernel refused to list sockets by netlink (errno ${errno}): /proc/net/tcp is read instead`,
  );
}

function malformed(at: number, length: number, total: number): ProcfsError {
  return new ProcfsError(
    'DIAG_MALFORMED',
    `a netlink message at byte ${at} claims ${length} bytes of a buffer of ${total}: /proc/net/tcp is read instead`,
  );
}
