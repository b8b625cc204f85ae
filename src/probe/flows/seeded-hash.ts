/**
 * Random multipliers, drawn once per process: peers choose addresses and ports, but can't choose collisions. The final
 * mixing is that of MurmurHash3 (fmix32) with such a multiplier.
 */

/** Odd, so that a multiplication loses no bits. */
export function randomMultipliers(count: number): Int32Array {
  return Int32Array.from({ length: count }, () => (Math.random() * 0x100000000) | 1);
}

const FINAL = randomMultipliers(1)[0]!;

export function mixed(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), FINAL);
  return (once ^ (once >>> 13)) | 0;
}
