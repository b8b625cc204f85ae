/** About how many bytes of memory a held flow takes: enough to keep what is held under a bound. Figures of V8, rounded up. */
import { NUMBERS, type FlowDefinition, type FlowEnd, type FlowState } from '../../flows/flow.js';
import type { Statement } from '../../flows/statement.js';
import type { HeldState } from './held-state.js';

/** The held flow, its places in maps and sets, and what it is joined to. */
const FLOW_BYTES = 1_200;
const TEXT_BYTES = 32;
const ENTRY_BYTES = 120;
/** An array without what is in it. */
const ARRAY_BYTES = 48;
const STATE_BYTES = 64 + 2 * ARRAY_BYTES;
const PORT_BYTES = 16;

export function weighDefinition({ client, server, scope, via, clientVia }: FlowDefinition): number {
  const texts = scope.length + via.length + clientVia.length + 3 * TEXT_BYTES;
  return FLOW_BYTES + texts + weighEnd(client) + weighEnd(server);
}

export function weighState({ failed, ports, portPairs }: FlowState): number {
  return weigh(failed, ports.ports.length, portPairs?.length);
}

export function weighHeld({ failed, ports, portPairs }: HeldState): number {
  return weigh(failed, ports.length / 2, portPairs?.length);
}

function weigh(failed: ReadonlyMap<string, number>, ports: number, portPairs: number | undefined): number {
  let bytes = STATE_BYTES + NUMBERS * 8 + ports * PORT_BYTES;
  if (portPairs !== undefined) bytes += ARRAY_BYTES + portPairs * 8;
  for (const reason of failed.keys()) bytes += ENTRY_BYTES + reason.length;
  return bytes;
}

/** What a statement becomes where nothing of it is held yet. */
export function weighStatement({ flows }: Statement): { readonly flows: number; readonly bytes: number } {
  let bytes = 0;
  for (const { definition, state } of flows) {
    if (definition !== undefined) bytes += weighDefinition(definition);
    if (state !== undefined) bytes += weighState(state);
  }
  return { flows: flows.length, bytes };
}

function weighEnd({ address, process, facts }: FlowEnd): number {
  let bytes = 2 * (TEXT_BYTES + address.length) + (process === undefined ? 0 : ENTRY_BYTES);
  for (const value of facts?.values() ?? []) bytes += ENTRY_BYTES + value.length;
  return bytes;
}
