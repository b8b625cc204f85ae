/** The translated connections of a report: rows with a `via`, and flows that this host translates. */
import { addressPort, parseAddressPort } from '../../report/model/address-port.js';
import { endpointNodeId } from '../../report/model/node-ids.js';
import { dialledScope, scopesOf, type EndScopes } from './address-scopes.js';
import type { NatEnd, Translated } from './nat-copies.js';

/** Connections that this host translates: its own and those of others. */
export interface TranslatedFlow {
  readonly scope: string;
  /** Behind all translations. */
  readonly clientAddress: string;
  readonly serverAddress: string;
  readonly serverPort: number;
  /** The dialled `address:port`; empty: the server's own. */
  readonly via: string;
  /** The client's address as the server sees it; empty: the client's own. */
  readonly clientVia: string;
  /** The client's port, and the port that the server sees. */
  readonly ports: readonly (readonly [client: number, seen: number])[];
}

/** An edge whose client dialled another address than the server's. */
export interface DialledEdge {
  readonly scopes: EndScopes;
  readonly host: string;
  readonly via: string;
  readonly serverId: string;
  readonly clientIds: readonly string[];
}

export function* translationsOfEdge(edge: DialledEdge): Generator<Translated> {
  const dialled = parseAddressPort(edge.via);
  if (dialled === undefined) return;
  const { scopes, serverId, clientIds, host } = edge;
  const end = endAt(dialledScope(dialled.address, scopes, host), dialled.address, dialled.port);
  for (const id of clientIds) {
    const client = { id, text: '' };
    const server = { id: serverId, text: '' };
    yield { client, server, dialled: end, source: client, isForwarded: false };
  }
}

/** @param hasEnd whether the host has an end of the connections from this client's address to this server */
export function* translationsOfFlow(
  flow: TranslatedFlow,
  hostName: string,
  hasEnd: (clientAddress: string, serverId: string) => boolean,
): Generator<Translated> {
  const { clientAddress, serverAddress, serverPort, clientVia, ports } = flow;
  const row = { scope: flow.scope, client: { address: clientAddress }, server: { address: serverAddress } };
  const scopes = scopesOf(row, hostName);
  const server = endAt(scopes.server, serverAddress, serverPort);
  const via = parseAddressPort(flow.via);
  const dialled =
    via === undefined ? server : endAt(dialledScope(via.address, scopes, hostName), via.address, via.port);
  const isForwarded = !hasEnd(`${scopes.client};${clientAddress}`, server.id);
  const seenAddress = clientVia === '' ? clientAddress : clientVia;
  const seenScope = clientVia === '' ? scopes.client : dialledScope(clientVia, scopes, hostName);
  for (const [port, seen] of ports) {
    const client = endAt(scopes.client, clientAddress, port);
    yield { client, server, dialled, source: endAt(seenScope, seenAddress, seen), isForwarded };
  }
}

function endAt(scope: string, address: string, port: number): NatEnd {
  return { id: endpointNodeId(scope, address, port), text: addressPort(address, port) };
}
