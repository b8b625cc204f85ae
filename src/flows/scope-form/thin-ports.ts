/**
 * Which client ports become endpoints: of many, those that the highest power of three divides that leaves three or more, and
 * never more than five. Only ports decide, so that a Scope probe at the other end of the same connections keeps the same.
 */

/** Lists up to this length are kept whole, and of longer ones no more are kept. */
export const KEEP_AT_MOST = 5;
/** A step that would leave fewer than this is taken back. */
const KEEP_AT_LEAST = 3;
/** 3^10 is the last power below 2^16; 0 is divisible by all. */
const MAX_POWER = 11;

/** @param ports distinct. @param atMost 1 to `KEEP_AT_MOST`. @returns those that are kept, ascending */
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

/** Which ports are kept first: powers of three; then by a scramble that maps no two ports to the same number. */
export function rank(port: number): number {
  return powerOf3(port) * 0x10000 + (Math.imul(port, 0x9e37) & 0xffff);
}

function powerOf3(port: number): number {
  if (port === 0) return MAX_POWER;
  let power = 0;
  for (let rest = port; rest % 3 === 0; rest /= 3) power++;
  return power;
}
