/**
 * Thinning by port modulus: which connections of a group are kept, so that two probes, each at one end of the same
 * connections, keep the same ones without talking to each other. Only the client ports decide.
 */

/** Groups up to this size are kept whole, and of larger ones no more are kept. */
export const KEEP_AT_MOST = 5;
/** A step that would leave fewer than this is taken back. */
const KEEP_AT_LEAST = 3;
/** Ephemeral ports are handed out with strides that are powers of two: a modulus of 3s cuts across them. */
const STEP = 3;
const MAX_PORT = 0xffff;
/** 3^10 is the last power below 2^16; port 0 is divisible by all. */
const MAX_POWER = 11;

/** How often 3 divides each port. */
const POWER_OF_3 = new Uint8Array(0x10000);
for (let modulus = STEP, power = 1; power <= MAX_POWER; power++, modulus *= STEP) {
  for (let port = 0; port < 0x10000; port += modulus) POWER_OF_3[port] = power;
}

/** Ports of the group at hand by how often 3 divides them. */
const exactly = new Uint32Array(MAX_POWER + 1);

/**
 * The modulus for the client ports `ports[from … to)`, distinct within one group. A connection is kept when
 * `port % modulus === 0`; at least one is.
 */
export function thinningModulus(ports: Uint16Array, from: number, to: number): number {
  let count = to - from;
  if (count <= KEEP_AT_MOST) return 1;
  for (let power = 0; power <= MAX_POWER; power++) exactly[power] = 0;
  for (let i = from; i < to; i++) exactly[POWER_OF_3[ports[i]!]!]!++;
  let modulus = 1;
  for (let power = 0; count > KEEP_AT_MOST && power <= MAX_POWER; power++) {
    const next = count - exactly[power]!;
    if (next < KEEP_AT_LEAST) break;
    modulus *= STEP;
    count = next;
  }
  return modulus;
}

/**
 * Decides for each entry which one is kept for it: of those whose port is divisible by `modulus`, but no more than
 * KEEP_AT_MOST, each stands for itself and those skipped since the last kept one in order of port, the last one also for
 * those after it.
 *
 * The modulus alone can leave any number of ports: none of the next power's may be there. Of those, the ones that the
 * next moduli would leave are kept first, so that a peer that sees a few connections more or less keeps them too.
 * @param standIn is filled at from … to - 1 with the entry that is kept; a kept entry stands for itself
 */
export function thin(
  ports: Uint16Array,
  from: number,
  to: number,
  modulus: number,
  standIn: Int32Array,
): void {
  if (modulus === 1 && to - from <= KEEP_AT_MOST) {
    keepAll(from, to, standIn);
    return;
  }
  const power = modulus > MAX_PORT ? MAX_POWER : POWER_OF_3[modulus]!;
  kept.length = 0;
  for (let i = from; i < to; i++) if (POWER_OF_3[ports[i]!]! >= power) kept.push(i);
  if (kept.length > KEEP_AT_MOST) {
    kept.sort((a, b) => rank(ports[b]!) - rank(ports[a]!));
    kept.length = KEEP_AT_MOST;
  }
  keep(kept, ports, from, to, standIn);
}

/**
 * Each connection of a group is stood for by the next one that is kept, in order of port; those after the last by the last.
 * @param kept entries, at least one and at most KEEP_AT_MOST; left in order of port
 */
export function keep(
  kept: number[],
  ports: Uint16Array,
  from: number,
  to: number,
  standIn: Int32Array,
): void {
  sortByPort(kept, ports);
  const last = kept.length - 1;
  for (let i = 0; i < KEEP_AT_MOST; i++) keptEntries[i] = kept[Math.min(i, last)]!;
  const a = last > 0 ? ports[kept[0]!]! : MAX_PORT;
  const b = last > 1 ? ports[kept[1]!]! : MAX_PORT;
  const c = last > 2 ? ports[kept[2]!]! : MAX_PORT;
  const d = last > 3 ? ports[kept[3]!]! : MAX_PORT;
  for (let i = from; i < to; i++) {
    const port = ports[i]!;
    // Kept ports below this one, counted by the signs of differences: ports come in no order, branches would be guesses.
    standIn[i] =
      keptEntries[((a - port) >>> 31) + ((b - port) >>> 31) + ((c - port) >>> 31) + ((d - port) >>> 31)]!;
  }
}

/** Where every connection must stay. */
export function keepAll(from: number, to: number, standIn: Int32Array): void {
  for (let i = from; i < to; i++) standIn[i] = i;
}

/** Entries kept of the group at hand; few. */
const kept: number[] = [];
/** The same by the number of kept ports below; the last one also after it. */
const keptEntries = new Int32Array(KEEP_AT_MOST);

/** By insertion: Array's own sort takes longer than all the rest of a small group. */
function sortByPort(entries: number[], ports: Uint16Array): void {
  for (let i = 1; i < entries.length; i++) {
    const entry = entries[i]!;
    let at = i;
    for (; at > 0 && ports[entries[at - 1]!]! > ports[entry]!; at--) entries[at] = entries[at - 1]!;
    entries[at] = entry;
  }
}

/** Which ports are kept first: powers of three; then by a scramble that maps no two ports to the same number. */
export function rank(port: number): number {
  return POWER_OF_3[port]! * 0x10000 + (Math.imul(port, 0x9e37) & 0xffff);
}
