/**
 * Thinning by port modulus: which connections of a group are kept, so that two probes, each at one end of the same
 * connections, keep the same ones without talking to each other. Only the client ports decide.
 */

/** Groups up to this size are kept whole. */
const KEEP_ALL_UP_TO = 5;
/** A step that would leave fewer than this is taken back. */
const KEEP_AT_LEAST = 3;
/** Ephemeral ports are handed out with strides that are powers of two: a modulus of 3s cuts across them. */
const STEP = 3;
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
  if (count <= KEEP_ALL_UP_TO) return 1;
  exactly.fill(0);
  for (let i = from; i < to; i++) exactly[POWER_OF_3[ports[i]!]!]!++;
  let modulus = 1;
  for (let power = 0; count > KEEP_ALL_UP_TO && power <= MAX_POWER; power++) {
    const next = count - exactly[power]!;
    if (next < KEEP_AT_LEAST) break;
    modulus *= STEP;
    count = next;
  }
  return modulus;
}

/**
 * Hands on the entries whose port is divisible by `modulus`; each stands for itself and those skipped since the last
 * kept one in order of port, the last one also for those after it. The counts add up to the sum of the weights.
 * @param weights connections per entry
 */
export function thin(
  ports: Uint16Array,
  weights: Uint32Array,
  from: number,
  to: number,
  modulus: number,
  keep: (entry: number, count: number) => void,
): void {
  if (modulus === 1) {
    for (let i = from; i < to; i++) keep(i, weights[i]!);
    return;
  }
  const kept: number[] = [];
  for (let i = from; i < to; i++) if (ports[i]! % modulus === 0) kept.push(i);
  kept.sort((a, b) => ports[a]! - ports[b]!);
  const bounds = kept.map((entry) => ports[entry]!);
  const counts = bounds.map(() => 0);
  const last = kept.length - 1;
  for (let i = from; i < to; i++) {
    const port = ports[i]!;
    let low = 0;
    for (let high = last; low < high;) {
      const middle = (low + high) >> 1;
      if (bounds[middle]! < port) low = middle + 1;
      else high = middle;
    }
    counts[low]! += weights[i]!;
  }
  for (let i = 0; i <= last; i++) keep(kept[i]!, counts[i]!);
}
