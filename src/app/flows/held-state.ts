/**
 * A flow's state as the store holds it: the same as it was stated, in plain arrays. Typed arrays take several times as much
 * memory when they are as short as these.
 */
import { NO_FAILURES, type FlowPorts, type FlowState } from '../../flows/flow.js';

export interface HeldState {
  /** By the places of `Num`. */
  readonly numbers: readonly number[];
  readonly failed: ReadonlyMap<string, number>;
  /** As in `FlowPorts`. */
  readonly modulus: number;
  /** Client port, connections that it stands for, and so on. */
  readonly ports: readonly number[];
  /** Where the source port is translated: the port as the server sees it, for each of `ports`. */
  readonly portPairs: readonly number[] | undefined;
}

const NO_PORTS: readonly number[] = [];

export function holdState({ numbers, failed, ports, portPairs }: FlowState): HeldState {
  return {
    numbers: listOf(numbers),
    failed: failed.size === 0 ? NO_FAILURES : failed,
    modulus: ports.modulus,
    ports: interleaved(ports),
    portPairs: portPairs && listOf(portPairs),
  };
}

export function isSameState(a: HeldState, b: HeldState): boolean {
  if (a.modulus !== b.modulus || a.failed.size !== b.failed.size) return false;
  for (const [reason, count] of a.failed) if (b.failed.get(reason) !== count) return false;
  return (
    isSameList(a.numbers, b.numbers) &&
    isSameList(a.ports, b.ports) &&
    isSameList(a.portPairs ?? NO_PORTS, b.portPairs ?? NO_PORTS)
  );
}

/** As pairs. */
export function portList({ ports }: HeldState): readonly (readonly [port: number, standsFor: number])[] {
  const pairs: [number, number][] = [];
  for (let i = 0; i < ports.length; i += 2) pairs.push([ports[i]!, ports[i + 1]!]);
  return pairs;
}

function interleaved({ ports, standsFor }: FlowPorts): readonly number[] {
  if (ports.length === 0) return NO_PORTS;
  const all: number[] = [];
  for (let i = 0; i < ports.length; i++) all.push(ports[i]!, standsFor[i]!);
  return all;
}

/** `Array.from` takes several times as long. */
function listOf(values: Float64Array | Uint16Array): readonly number[] {
  const list: number[] = [];
  for (const value of values) list.push(value);
  return list;
}

function isSameList(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
