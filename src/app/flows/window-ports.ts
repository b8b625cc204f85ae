/** Client ports of a flow over the window, made for looking them up from one of its sides. */
import type { HeldFlow } from './held-flow.js';
import { portList, type HeldState } from './held-state.js';

/** A flow's client ports as they are on the side that it is looked at from. */
export interface PortView {
  /** Ports that are no multiple of it are not known; 0: none are. */
  readonly modulus: number;
  /** Port → connections that it stands for. */
  readonly counts: ReadonlyMap<number, number>;
  /** Whether all connections of the window are in `counts`, and nothing else. */
  readonly isWhole: boolean;
  /** Port on this side → on the other; absent: the same. */
  readonly translated: ReadonlyMap<number, number> | undefined;
}

/** @param side where the flow is looked at from: of a translator's flows, client's and server's ports may differ */
export function windowPorts(flow: HeldFlow, side: 'client' | 'server'): PortView {
  const states = statesOf(flow);
  const { connections } = flow.activity;
  let counts = countsOf(states.slice(-1));
  // The newest may lack what ended earlier in the window, and all of them may have what ended before it.
  for (let from = states.length - 2; from >= 0 && sumOf(counts.counts) < connections; from--)
    counts = countsOf(states.slice(from));
  const isWhole = counts.modulus === 1 && sumOf(counts.counts) === connections;
  const pairs = states.at(-1)?.portPairs === undefined ? undefined : pairsOf(states);
  if (pairs === undefined) return { ...counts, isWhole, translated: undefined };
  if (side === 'client') return { ...counts, isWhole, translated: pairs };
  const translated = new Map<number, number>();
  const asSeen = new Map<number, number>();
  for (const [port, count] of counts.counts) {
    const there = pairs.get(port) ?? port;
    translated.set(there, port);
    asSeen.set(there, count);
  }
  // Which ports were left out is known of the client's ports only.
  return { modulus: counts.modulus === 1 ? 1 : 0, counts: asSeen, isWhole, translated };
}

function statesOf(flow: HeldFlow): HeldState[] {
  return flow.predecessor === undefined ? flow.states : [...statesOf(flow.predecessor), ...flow.states];
}

function countsOf(states: readonly HeldState[]): { modulus: number; counts: Map<number, number> } {
  const modulus = Math.max(...states.map((state) => state.modulus));
  const counts = new Map<number, number>();
  if (modulus === 0) return { modulus, counts };
  for (const state of states) {
    for (const [port, count] of portList(state))
      if (port % modulus === 0) counts.set(port, Math.max(counts.get(port) ?? 0, count));
  }
  return { modulus, counts };
}

function pairsOf(states: readonly HeldState[]): Map<number, number> {
  const pairs = new Map<number, number>();
  for (const state of states)
    portList(state).forEach(([port], i) => pairs.set(port, state.portPairs?.[i] ?? port));
  return pairs;
}

function sumOf(counts: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}
