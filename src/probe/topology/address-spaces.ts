/**
 * Network namespaces of one host can have the same addresses: two bridges, each with a client and a server. Which server a
 * client is connected to is told by neither's addresses, but a connection has two sockets: where both are on this host,
 * the namespaces of the two are known, and the connection belongs to the server's.
 */
import { compareAddresses, sameAddress } from '../records/address.js';
import { Direction, Flag, HALF, OFFSET, RECORD, WORD } from '../records/layout.js';
import type { RecordView } from '../records/record-view.js';

/** Records of both ends of the connections with one pair of addresses and ports. */
interface Ends {
  readonly lower: number[];
  readonly upper: number[];
}

/**
 * @param shared addresses that several namespaces have, four words each
 * @returns per record the inode of the namespace that its connection belongs to; 0 where its addresses are those of the
 *   whole host, or its other end is elsewhere. Undefined when all are 0
 */
export function addressSpaces(view: RecordView, shared: readonly Int32Array[]): Int32Array | undefined {
  if (shared.length === 0) return undefined;
  const connections = connectionsOf(view, shared);
  if (connections.size === 0) return undefined;
  const spaces = new Int32Array(view.count);
  const pairs = new Set<string>();
  const unclear: Ends[] = [];
  for (const ends of connections.values()) {
    if (ends.lower.length !== 1 || ends.upper.length !== 1) unclear.push(ends);
    else pair(view, ends.lower[0]!, ends.upper[0]!, spaces, pairs);
  }
  for (const ends of unclear) pairUp(view, ends, spaces, pairs);
  return spaces;
}

function connectionsOf(view: RecordView, shared: readonly Int32Array[]): Map<string, Ends> {
  const { bytes, halves, words } = view;
  const lastWords = new Set(shared.map((address) => address[3]!));
  const isShared = (at: number): boolean =>
    lastWords.has(words[at + 3]!) && shared.some((address) => sameAddress(address, 0, words, at));
  const connections = new Map<string, Ends>();
  for (let i = 0; i < view.count; i++) {
    const local = i * RECORD.words + WORD.localAddress;
    const remote = i * RECORD.words + WORD.remoteAddress;
    if (!isShared(local) && !isShared(remote)) continue;
    if ((bytes[i * RECORD.bytes + OFFSET.flags]! & Flag.Established) === 0) continue;
    const localPort = halves[i * RECORD.halves + HALF.localPort]!;
    const remotePort = halves[i * RECORD.halves + HALF.remotePort]!;
    const isLower = (localPort - remotePort || compareAddresses(words, local, remote)) < 0;
    const [first, second] = isLower ? [local, remote] : [remote, local];
    const ports = isLower ? [localPort, remotePort] : [remotePort, localPort];
    const key = [words.subarray(first, first + 4), words.subarray(second, second + 4), ports].join(' ');
    let ends = connections.get(key);
    if (ends === undefined) connections.set(key, (ends = { lower: [], upper: [] }));
    (isLower ? ends.lower : ends.upper).push(i);
  }
  return connections;
}

/** Several connections with one tuple at once: first by namespaces that are known to talk, then by their begin. */
function pairUp(view: RecordView, { lower, upper }: Ends, spaces: Int32Array, pairs: Set<string>): void {
  const byStart = (a: number, b: number): number =>
    view.u64(a, WORD.startNanos) - view.u64(b, WORD.startNanos) || netnsOf(view, a) - netnsOf(view, b);
  lower.sort(byStart);
  const left = upper.sort(byStart);
  const rest: number[] = [];
  for (const one of lower) {
    const at = left.findIndex((other) => pairs.has(pairKey(view, one, other)));
    if (at < 0) rest.push(one);
    else pair(view, one, left.splice(at, 1)[0]!, spaces, pairs);
  }
  if (rest.length !== left.length) return; // the other ends of some are elsewhere
  for (const [i, one] of rest.entries()) pair(view, one, left[i]!, spaces, pairs);
}

function pair(view: RecordView, a: number, b: number, spaces: Int32Array, pairs: Set<string>): void {
  pairs.add(pairKey(view, a, b));
  spaces[a] = spaces[b] = netnsOf(view, serverOf(view, a, b));
}

/** @param a has the lower port */
function serverOf({ bytes }: RecordView, a: number, b: number): number {
  const direction = (record: number): number => bytes[record * RECORD.bytes + OFFSET.direction]!;
  if (direction(a) === Direction.Accepted || direction(b) === Direction.Connected) return a;
  return direction(b) === Direction.Accepted || direction(a) === Direction.Connected ? b : a;
}

function pairKey(view: RecordView, a: number, b: number): string {
  return [netnsOf(view, a), netnsOf(view, b)].sort().join();
}

function netnsOf({ words }: RecordView, record: number): number {
  return words[record * RECORD.words + WORD.netns]!;
}
