/** What makes a flow the same one in two epochs of a host. */
import type { FlowDefinition } from '../../flows/flow.js';
import { addressPort } from '../../report/model/address-port.js';
import { processKey } from './ends.js';

export function flowKey(definition: FlowDefinition): string {
  const { client, server, via } = definition;
  const place = `${placeKey(definition)}\n${server.address}\n${server.port}\n${via}`;
  return `${place}\n${processKey(client.process)}\n${processKey(server.process)}`;
}

/** The same for all flows that differ in their processes only, or in whether it is known what is behind the dialled address. */
export function placeKey({ kind, scope, client, server, via, clientVia }: FlowDefinition): string {
  const dialled = via === '' ? addressPort(server.address, server.port) : via;
  return `${kind}\n${scope}\n${client.address}\n${clientVia}\n${dialled}`;
}
