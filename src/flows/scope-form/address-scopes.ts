/**
 * Scopes of a row's addresses in ids. A row has one scope. If only one end needs a scope (a client on loopback that NAT
 * leads to a container), the row's scope belongs to that end.
 */
import { hostScope, isLoopback } from '../../report/model/node-ids.js';

/** The fields of a row that decide. */
export interface Ends {
  readonly scope: string;
  readonly client: { readonly address: string; readonly host?: string };
  readonly server: { readonly address: string; readonly host?: string };
}

export interface EndScopes {
  readonly client: string;
  readonly server: string;
}

/** @param hostName for rows whose hosts are unknown */
export function scopesOf(row: Ends, hostName: string): EndScopes {
  const host = row.client.host ?? row.server.host ?? hostName;
  const { scope, client, server } = row;
  const kinds = [kindOf(client.address), kindOf(server.address)] as const;
  const isMixed = kinds[0] !== kinds[1];
  const scopeAs = (kind: Kind): string => {
    if (kind === 'loopback') return scope === '' ? hostScope(host) : scope;
    if (kind === 'link') return isMixed || scope === '' ? hostScope(host) : scope;
    return isMixed ? '' : scope;
  };
  return { client: scopeAs(kinds[0]), server: scopeAs(kinds[1]) };
}

/** Scope of a dialled address, from the client of `scopes`. */
export function dialledScope(address: string, { client }: EndScopes, hostName: string): string {
  const kind = kindOf(address);
  if (kind === 'plain') return '';
  return kind === 'loopback' && client !== '' ? client : hostScope(hostName);
}

type Kind = 'loopback' | 'link' | 'plain';

function kindOf(address: string): Kind {
  if (isLoopback(address)) return 'loopback';
  return /^(169\.254\.|fe[89ab])/i.test(address) ? 'link' : 'plain';
}
