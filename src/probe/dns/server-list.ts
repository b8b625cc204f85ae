/**
 * Which DNS servers are asked for which addresses. Private addresses (RFC 1918, unique local, carrier-grade NAT) can
 * have servers of their own: a public resolver knows nothing of them and should not learn of them.
 */
import { isIP } from 'node:net';
import { addressPort } from '../../report/model/address-port.js';
import { ProbeError } from '../errors.js';

export interface DnsServer {
  /** An IP address, with its zone where it needs one: server names would need a resolver themselves. */
  readonly host: string;
  readonly port: number;
}

/** In order of preference; none means that such addresses are never asked for. */
export interface DnsServers {
  readonly private: readonly DnsServer[];
  readonly public: readonly DnsServer[];
}

/** What a user chose; a kind that is absent has the system's servers. */
export type ChosenServers = Partial<DnsServers>;

const DNS_PORT = 53;
const OFF = 'off';

/**
 * @param texts each `ADDRESS[:PORT]`, or `private=…` or `public=…` with that or `off` behind it
 * @throws ProbeError BAD_DNS_SERVER
 */
export function parseServers(texts: readonly string[]): ChosenServers {
  const chosen: { private?: DnsServer[]; public?: DnsServer[] } = {};
  for (const text of texts) {
    const [, kind, address = ''] = /^(?:(private|public)=)?(.*)$/.exec(text) ?? [];
    const server = address === OFF ? [] : parseServer(address);
    if (server === undefined) throw new ProbeError('BAD_DNS_SERVER', `cannot use '${text}' as a DNS server`);
    for (const one of ['private', 'public'] as const) {
      if (kind === undefined || kind === one) chosen[one] = [...(chosen[one] ?? []), ...[server].flat()];
    }
  }
  return chosen;
}

/** `ADDRESS[:PORT]`, an IPv6 address in brackets where a port follows; undefined when it is something else. */
export function parseServer(text: string): DnsServer | undefined {
  if (isIP(text) !== 0) return { host: text, port: DNS_PORT };
  const [, v6, v4, portText = ''] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? v4 ?? '';
  const port = Number(portText);
  const isRight = isIP(host) === (v6 === undefined ? 4 : 6) && port >= 1 && port <= 65_535;
  return isRight ? { host, port } : undefined;
}

/** As a user would write it. */
export function serverText({ host, port }: DnsServer): string {
  return port === DNS_PORT ? host : addressPort(host, port);
}
