/**
 * Scopes of a row's addresses in ids. A row has one scope; where its two ends do not mean something in the same place (a
 * client on loopback that NAT leads to a container), the scope is of the end that has to have one.
 */
import { hostScope, isLoopback } from '../../report/model/node-ids.js';

/** Of a row, what decides. */
export interface Ends {
  readonly scope: string;
  readonly client: { readonly address: string; readonly host?: string };
  readonly server: { readonly address: string; readonly host?: string };
}

export interface EndScopes {
  readonly client: string;
  readonly server: string;
}

/** @param hostName for rows whose ends are on no host that is known */
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

/** Scope of an address that was dialled, seen from `scopes`' client. */
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
