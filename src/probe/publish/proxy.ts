/**
 * Which proxy the environment names for an app: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, but for what `NO_PROXY` lists,
 * each in capitals or not, as curl and Go's net/http read them. This machine itself is reached directly: a proxy elsewhere
 * has another loopback, and the token would be shown to it for nothing.
 */
import { BlockList, isIP } from 'node:net';
import { isThisMachine } from '../../machine/own-addresses.js';
import { ProbeError } from '../errors.js';

export interface ProxyRules {
  /** Also to this machine and to link-local addresses. */
  readonly proxyLocal: boolean;
}

const PORTS: ReadonlyMap<string, string> = new Map([
  ['http:', '80'],
  ['https:', '443'],
]);

/** Undefined where the app is reached directly. @throws ProbeError PROXY_UNUSABLE */
export function proxyFor(
  target: URL,
  { proxyLocal }: ProxyRules,
  environment: NodeJS.ProcessEnv = process.env,
): URL | undefined {
  const first = (...names: string[]): string =>
    names
      .flatMap((name) => [environment[name], environment[name.toUpperCase()]])
      .find((text) => text !== undefined && text !== '') ?? '';
  const proxy = first(`${target.protocol.slice(0, -1)}_proxy`, 'all_proxy');
  if (proxy === '') return undefined;
  const host = target.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  if (!proxyLocal && isThisMachine(host)) return undefined;
  const port = target.port || (PORTS.get(target.protocol) ?? '');
  if (isExcepted(host, port, first('no_proxy'))) return undefined;
  return proxyUrl(proxy);
}

function proxyUrl(text: string): URL {
  const withScheme = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  // The text may have a password in it.
  throw new ProbeError('PROXY_UNUSABLE', `cannot use the proxy that the environment names`);
}

/** @param list entries like `example.com`, `.example.com`, `*.example.com:4040`, `10.0.0.0/8`, `[::1]:4040`, `*` */
function isExcepted(host: string, port: string, list: string): boolean {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const { name, ofPort } = isIP(entry) === 0 ? splitPort(entry) : { name: entry, ofPort: undefined };
      if (ofPort !== undefined && ofPort !== port) return false;
      return isIP(host) === 0 ? isBelow(host, name.replace(/^\*?\./, '')) : isIn(host, name);
    });
}

function splitPort(entry: string): { name: string; ofPort: string | undefined } {
  const [, address, name, ofPort] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  return { name: address ?? name ?? entry, ofPort };
}

function isBelow(host: string, name: string): boolean {
  return host === name || (name !== '' && host.endsWith(`.${name}`));
}

/** @param network an address, or one with the length of its prefix */
function isIn(address: string, network: string): boolean {
  const [base = '', prefix] = network.split('/');
  if (isIP(base) === 0) return false;
  const isV6 = isIP(base) === 6;
  const bits = prefix === undefined ? (isV6 ? 128 : 32) : Number(prefix);
  if (!/^\d*$/.test(prefix ?? '') || bits > (isV6 ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(base, bits, isV6 ? 'ipv6' : 'ipv4');
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
