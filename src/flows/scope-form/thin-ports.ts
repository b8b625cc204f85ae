/**
 * Chooses the client ports that become endpoints: the multiples of the highest power of three that leaves three or more, at
 * most five. Only the ports decide, so that a Scope probe at the other end of the connections keeps the same.
 */

/** The most ports kept; shorter lists are kept whole. */
export const KEEP_AT_MOST = 5;
/** A step that would leave fewer is undone. */
const KEEP_AT_LEAST = 3;
/** 3^10 is the last power below 2^16; 0 is divisible by all. */
const MAX_POWER = 11;

/** @param ports distinct. @param atMost 1 to `KEEP_AT_MOST`. @returns the kept ports, ascending */
export function thinPorts(ports: readonly number[], atMost = KEEP_AT_MOST): number[] {
  let kept = ports;
  for (let power = 1; kept.length > KEEP_AT_MOST && power <= MAX_POWER; power++) {
    const next = kept.filter((port) => powerOf3(port) >= power);
    if (next.length < KEEP_AT_LEAST) break;
    kept = next;
  }
  const best =
    kept.length > atMost ? [...kept].sort((a, b) => rank(b) - rank(a)).slice(0, atMost) : [...kept];
  return best.sort((a, b) => a - b);
}

/** Ports with a higher rank are kept first: by powers of three, then by a scramble that is unique per port. */
export function rank(port: number): number {
  return powerOf3(port) * 0x10000 + (Math.imul(port, 0x9e37) & 0xffff);
}

function powerOf3(port: number): number {
  if (port === 0) return MAX_POWER;
  let power = 0;
  for (let rest = port; rest % 3 === 0; rest /= 3) power++;
  return power;
}
