/**
 * Which DNS servers are asked for which addresses. Private addresses (RFC 1918, unique local, carrier-grade NAT) can
 * have servers of their own: a public resolver knows nothing of them and should not learn of them.
 */
import { getServers } from 'node:dns';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { ReverseDnsError } from './errors.js';

export interface DnsServer {
  /** An IP address: server names would need a resolver themselves. */
  readonly host: string;
  readonly port: number;
}

/** In order of preference; none means that such addresses are never asked for. */
export interface DnsServers {
  readonly private: readonly DnsServer[];
  readonly public: readonly DnsServer[];
}

const DNS_PORT = 53;
const OFF = 'off';
const RESOLV_CONF = '/etc/resolv.conf';

/**
 * The servers of /etc/resolv.conf. Its search domains are never applied: questions are for full names. Without any there
 * the server of this machine itself is meant (resolv.conf(5)), which may not exist.
 * @param warn told when it names none
 */
export function systemServers(warn: (message: string) => void = () => undefined): DnsServers {
  const reason = whyNoServers();
  if (reason !== undefined)
    warn(
      `${reason}: names of addresses are asked of 127.0.0.1; name a server with --dns-server, or ask none with --dns off`,
    );
  const servers = getServers().flatMap((text) => parseServer(text) ?? []);
  return { private: servers, public: servers };
}

/**
 * @param texts each `ADDRESS[:PORT]`, or `private=…` or `public=…` with that or `off` behind it; none: the system's.
 * A kind that no text is for keeps the system's servers. @throws ReverseDnsError BAD_SERVER
 */
export function parseServers(texts: readonly string[], system: () => DnsServers = systemServers): DnsServers {
  const chosen: { private?: DnsServer[]; public?: DnsServer[] } = {};
  for (const text of texts) {
    const [, kind, address = ''] = /^(?:(private|public)=)?(.*)$/.exec(text) ?? [];
    const server = address === OFF ? [] : parseServer(address);
    if (server === undefined) throw new ReverseDnsError('BAD_SERVER', `cannot use '${text}' as a DNS server`);
    for (const one of ['private', 'public'] as const) {
      if (kind === undefined || kind === one) chosen[one] = [...(chosen[one] ?? []), ...[server].flat()];
    }
  }
  return chosen.private && chosen.public
    ? { private: chosen.private, public: chosen.public }
    : { ...system(), ...chosen };
}

function whyNoServers(): string | undefined {
  try {
    const text = readFileSync(RESOLV_CONF, 'utf8');
    return /^[ \t]*nameserver[ \t]+\S/m.test(text) ? undefined : `${RESOLV_CONF} names no DNS server`;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return `${RESOLV_CONF} can't be read (${code})`;
  }
}

function parseServer(text: string): DnsServer | undefined {
  if (isIP(text) !== 0) return { host: text, port: DNS_PORT };
  const [, v6, v4, portText = ''] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? v4 ?? '';
  const port = Number(portText);
  const isRight = isIP(host) === (v6 === undefined ? 4 : 6) && port >= 1 && port <= 65_535;
  return isRight ? { host, port } : undefined;
}
