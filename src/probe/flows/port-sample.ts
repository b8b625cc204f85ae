/**
 * Client ports of one flow's connections: live ones, and those that ended in this generation or the last. They join the
 * statements of two probes. Up to `PORTS_MAX` ports are kept whole; of more, the multiples of a power of three are kept, so
 * that both probes keep the same ports independently. (Three, because kernels give out ephemeral ports in power-of-two
 * strides.)
 */
import { NO_PORTS, PORTS_MAX, type FlowPorts } from '../../flows/flow.js';

/** The most ports before the modulus is raised: more than are stated, so that it is raised rarely. */
const KEPT_MAX = 3 * PORTS_MAX;

const LIVE = 0;
const ENDED = 1;
const ENDED_BEFORE = 2;

export class PortSample {
  #modulus = 1;
  /** One for each connection: port * 4 + state. */
  #kept: number[] = [];
  /** Numbers of connections by state, kept or not. */
  #live = 0;
  #ended = 0;
  #endedBefore = 0;
  #generation: number;

  constructor(generation: number) {
    this.#generation = generation;
  }

  opened(port: number): void {
    this.#live++;
    this.#keep(port, LIVE);
  }

  /** A connection counted by `opened` has ended. @param generation counts up every few seconds */
  closed(port: number, generation: number): void {
    this.#turn(generation);
    this.#live--;
    this.#ended++;
    if (port % this.#modulus !== 0) return;
    const at = this.#kept.indexOf(port * 4 + LIVE);
    if (at >= 0) this.#kept[at] = port * 4 + ENDED;
  }

  /** A connection counted by `opened` belongs to another flow. */
  left(port: number): void {
    this.#live--;
    if (port % this.#modulus !== 0) return;
    const at = this.#kept.indexOf(port * 4 + LIVE);
    if (at >= 0) this.#kept.splice(at, 1);
  }

  /** A connection that has opened and closed. */
  passed(port: number, generation: number): void {
    if (generation !== this.#generation) this.#turn(generation);
    this.#ended++;
    if (this.#modulus === 1 || port % this.#modulus === 0) this.#keep(port, ENDED);
  }

  /** A connect that fails; call it each time that this is seen. */
  dialled(port: number, generation: number): void {
    if (generation !== this.#generation) this.#turn(generation);
    const at = this.#kept.findIndex((kept) => kept >> 2 === port);
    if (at < 0) this.passed(port, generation);
    else if ((this.#kept[at]! & 3) === ENDED_BEFORE) {
      this.#kept[at] = port * 4 + ENDED;
      this.#endedBefore--;
      this.#ended++;
    }
  }

  /** A connection counted as ended belongs to another flow. */
  leftEnded(port: number): void {
    this.#ended = Math.max(0, this.#ended - 1);
    if (port % this.#modulus !== 0) return;
    const at = this.#kept.findIndex((kept) => kept >> 2 === port && (kept & 3) !== LIVE);
    if (at >= 0) this.#kept.splice(at, 1);
  }

  /** Most connections have ended since the modulus was raised: more of the live ones could be kept. */
  get isTooThin(): boolean {
    return this.#modulus > 1 && this.#live > 0 && this.#live + this.#ended + this.#endedBefore <= PORTS_MAX;
  }

  /** Rebuilds the sample. @param ports of all live connections */
  rebuild(ports: Iterable<number>): void {
    this.#modulus = 1;
    this.#kept = [];
    this.#ended = this.#endedBefore = 0;
    for (const port of ports) this.#keep(port, LIVE);
  }

  /** As of `generation`. */
  state(generation: number): FlowPorts {
    this.#turn(generation);
    const connections = this.#live + this.#ended + this.#endedBefore;
    let modulus = this.#modulus;
    let ports = distinct(this.#kept);
    while (ports.length > PORTS_MAX) {
      modulus *= 3;
      ports = ports.filter(([port]) => port % modulus === 0);
    }
    if (ports.length === 0) return NO_PORTS;
    return modulus === 1 ? whole(ports) : sampled(ports, modulus, connections);
  }

  #keep(port: number, state: number): void {
    if (port % this.#modulus !== 0) return;
    this.#kept.push(port * 4 + state);
    while (this.#kept.length > KEPT_MAX) {
      this.#modulus *= 3;
      const modulus = this.#modulus;
      this.#kept = this.#kept.filter((kept) => (kept >> 2) % modulus === 0);
      if (modulus > 0x10000) break; // one port, used repeatedly
    }
    if (this.#kept.length > KEPT_MAX) this.#kept.splice(0, this.#kept.length - KEPT_MAX);
  }

  #turn(generation: number): void {
    const turns = generation - this.#generation;
    if (turns <= 0) return;
    this.#generation = generation;
    this.#endedBefore = turns === 1 ? this.#ended : 0;
    this.#ended = 0;
    if (this.#live + this.#endedBefore === 0) {
      this.#kept = [];
      this.#modulus = 1;
      return;
    }
    const kept: number[] = [];
    for (const one of this.#kept) {
      if ((one & 3) === LIVE) kept.push(one);
      else if ((one & 3) === ENDED && turns === 1) kept.push((one & ~3) | ENDED_BEFORE);
    }
    this.#kept = kept;
  }
}

/** Ascending, each with its count. */
function distinct(kept: readonly number[]): [port: number, count: number][] {
  const counts = new Map<number, number>();
  for (const one of kept) counts.set(one >> 2, (counts.get(one >> 2) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a - b);
}

function whole(ports: readonly [number, number][]): FlowPorts {
  return {
    modulus: 1,
    ports: Uint16Array.from(ports, ([port]) => port),
    standsFor: Uint32Array.from(ports, ([, count]) => count),
  };
}

/** Ports left out are shared evenly among the others. */
function sampled(ports: readonly [number, number][], modulus: number, connections: number): FlowPorts {
  const kept = ports.reduce((sum, [, count]) => sum + count, 0);
  const left = Math.max(0, connections - kept);
  const each = Math.floor(left / ports.length);
  const rest = left % ports.length;
  return {
    modulus,
    ports: Uint16Array.from(ports, ([port]) => port),
    standsFor: Uint32Array.from(ports, ([, count], i) => count + each + (i < rest ? 1 : 0)),
  };
}
