/**
 * Reads the kernel's table of TCP sockets, /proc/<pid>/net/tcp and tcp6, from its bytes, without strings.
 *
 * A line is `  sl: local:port remote:port st tx:rx tr:when retrnsmt uid timeout inode …`; addresses are 32-bit words
 * in the machine's byte order, 1 of them for IPv4 and 4 for IPv6. `sl` widens with the number of sockets.
 */

const NEWLINE = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;

/** One line, reused for the next: copy what you keep. */
export interface SocketLine {
  /** Four words as in a record: IPv4 is IPv4-mapped. */
  readonly local: Int32Array;
  readonly remote: Int32Array;
  localPort: number;
  remotePort: number;
  /** TCP state as in net/tcp_states.h. */
  state: number;
  /** 0: no process has the socket any more. */
  inode: number;
}

/** Words of one address in the file's lines. */
export const ADDRESS_WORDS = { tcp: 1, tcp6: 4 } as const;

/**
 * Calls `onSocket` for every socket in one of the states; most lines of a busy machine are TIME_WAIT and cost little.
 * @param states bit s is set for TCP state s
 * @returns the number of malformed lines, left out
 */
export function readSocketTable(
  bytes: Uint8Array,
  table: keyof typeof ADDRESS_WORDS,
  states: number,
  onSocket: (line: SocketLine) => void,
): number {
  const line: SocketLine = {
    local: new Int32Array(4),
    remote: new Int32Array(4),
    localPort: 0,
    remotePort: 0,
    state: 0,
    inode: 0,
  };
  let malformed = 0;
  let start = endOfLine(bytes, 0) + 1;
  while (start < bytes.length) {
    const end = endOfLine(bytes, start);
    const state = readLine(bytes, start, end, ADDRESS_WORDS[table], states, line);
    if (state < 0) malformed++;
    else if (isWanted(state, states)) onSocket(line);
    start = end + 1;
  }
  return malformed;
}

function endOfLine(bytes: Uint8Array, from: number): number {
  const at = bytes.indexOf(NEWLINE, from);
  return at < 0 ? bytes.length : at;
}

function isWanted(state: number, states: number): boolean {
  return state < 32 && ((states >>> state) & 1) === 1;
}

/** The line's state; -1: malformed. Fills `line` only if the state is wanted. */
function readLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  words: 1 | 4,
  states: number,
  line: SocketLine,
): number {
  const colon = bytes.indexOf(COLON, start);
  if (colon < 0 || colon >= end) return -1;
  const endLength = words * 8 + 5; // the address, a colon and four digits of port
  const local = colon + 2;
  const remote = local + endLength + 1;
  const stateAt = remote + endLength + 1;
  if (
    stateAt + 3 > end ||
    bytes[local - 1] !== SPACE ||
    bytes[remote - 1] !== SPACE ||
    bytes[stateAt - 1] !== SPACE
  )
    return -1;
  line.state = readHex(bytes, stateAt, 2);
  if (!isWanted(line.state, states)) return line.state;
  line.localPort = readEnd(bytes, local, words, line.local);
  line.remotePort = readEnd(bytes, remote, words, line.remote);
  line.inode = readDecimal(bytes, skipFields(bytes, stateAt, end, 6), end);
  return line.localPort < 0 || line.remotePort < 0 || line.inode < 0 ? -1 : line.state;
}

/** Fills `address` and returns the port; -1: not `hex:hex`. */
function readEnd(bytes: Uint8Array, at: number, words: 1 | 4, address: Int32Array): number {
  if (words === 1) {
    address[0] = 0;
    address[1] = 0;
    address[2] = 0xffff0000;
  }
  for (let i = 0; i < words; i++) {
    const word = readHex(bytes, at + i * 8, 8);
    if (word < 0) return -1;
    address[4 - words + i] = word;
  }
  return bytes[at + words * 8] === COLON ? readHex(bytes, at + words * 8 + 1, 4) : -1;
}

function readHex(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let i = 0; i < digits; i++) {
    const byte = bytes[at + i]!;
    const digit =
      byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : byte >= 0x41 && byte <= 0x46 ? byte - 0x37 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/** Start of the field `count` fields after the one at `at`; `end` if there is none. */
function skipFields(bytes: Uint8Array, at: number, end: number, count: number): number {
  let position = at;
  for (let i = 0; i < count; i++) {
    while (position < end && bytes[position] !== SPACE) position++;
    while (position < end && bytes[position] === SPACE) position++;
  }
  return position;
}

/** -1: no digit, or too many for an inode. */
function readDecimal(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  let position = at;
  for (; position < end && bytes[position] !== SPACE; position++) {
    const digit = bytes[position]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return position === at || !Number.isSafeInteger(value) ? -1 : value;
}
