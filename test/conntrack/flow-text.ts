/** Shows a flow as plain data, to compare it with what was expected. */
import { addressText } from '../../src/probe/topology/address.js';
import type { ConntrackFlow } from '../../src/conntrack-parser/index.js';

/** `source:port > destination:port | replySource:port > replyDestination:port` */
export function tuplesOf({ addresses, ports }: Pick<ConntrackFlow, 'addresses' | 'ports'>): string {
  const words = new Int32Array(addresses.slice().buffer);
  const end = (i: number): string => `${addressText(words, i * 4)} ${ports[i] ?? 0}`;
  return `${end(0)} > ${end(1)} | ${end(2)} > ${end(3)}`;
}

export type Shown = Omit<ConntrackFlow, 'addresses' | 'ports'> & { readonly tuples: string };

export function show(flow: ConntrackFlow): Shown {
  const { addresses, ports, ...rest } = flow;
  return { ...rest, tuples: tuplesOf({ addresses, ports }) };
}
