/**
 * Client ports of endpoints as a flow states them. Scope's probes thin large groups: of those only ports that are multiples
 * of a power of three are kept, each with a count of how many it stands for. Which power it was is not said.
 */
import { NO_PORTS, PORTS_MAX, type FlowPorts } from '../../flows/flow.js';

const STEP = 3;

/** @param counts port → connections that it stands for; those of none are left out */
export function flowPortsOf(counts: ReadonlyMap<number, number>): FlowPorts {
  const kept = Array.from(counts).filter(([, count]) => count > 0);
  if (kept.length === 0) return NO_PORTS;
  kept.sort(([a], [b]) => a - b);
  let modulus = 1;
  if (kept.some(([, count]) => count > 1)) {
    if (kept.some(([port]) => port % STEP !== 0)) return NO_PORTS;
    while (kept.every(([port]) => port % (modulus * STEP) === 0) && modulus < 65_536) modulus *= STEP;
  }
  let left = kept;
  while (left.length > PORTS_MAX) {
    modulus *= STEP;
    left = thinned(kept, modulus);
  }
  if (left.length === 0) return NO_PORTS;
  return {
    modulus,
    ports: Uint16Array.from(left, ([port]) => port),
    standsFor: Uint32Array.from(left, ([, count]) => count),
  };
}

/** Those that are multiples; each also stands for those before it that are not, the last one for all after it, too. */
function thinned(all: readonly [number, number][], modulus: number): [number, number][] {
  const left: [number, number][] = [];
  let skipped = 0;
  for (const [port, count] of all) {
    if (port % modulus === 0) {
      left.push([port, count + skipped]);
      skipped = 0;
    } else skipped += count;
  }
  const last = left.at(-1);
  if (last !== undefined) last[1] += skipped;
  return left;
}
