/** Shows a flow as plain data, to compare it with what was expected. */
import { addressText } from '../../src/probe/records/address.js';
import { FLOW_BYTES, FLOW_OFFSET, type FlowBatch } from '../../src/probe/records/nat-flow.js';
import type { ConntrackFlow } from '../../src/conntrack-parser/index.js';
import type { Namespace } from '../support/namespace.js';

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

/** The flows of one namespace: other tests run beside this one. */
export function flowsIn({ flows, flowCount }: FlowBatch, netns: Namespace): string[] {
  const found: string[] = [];
  for (let at = 0; at < flowCount * FLOW_BYTES; at += FLOW_BYTES) {
    if (new DataView(flows).getUint32(at + FLOW_OFFSET.netns, true) !== netns.inode) continue;
    const addresses = new Uint8Array(flows, at, 64);
    const ports = new Uint16Array(flows, at + FLOW_OFFSET.originalSourcePort, 4);
    found.push(tuplesOf({ addresses, ports }));
  }
  return found.sort();
}
