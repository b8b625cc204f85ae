/**
 * Turns the texts of options and environment variables into values, or refuses them with one line that shows the form.
 */
import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';
import { parseServers } from '../../probe/dns/server-list.js';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const MAX_DURATION_MS = 24 * 3_600_000;

/** `500ms`, `3s`, `2m`, `1h` → milliseconds; above 0, at most 24 hours. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const ms = match ? Math.round(Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? NaN)) : NaN;
  if (!(ms > 0 && ms <= MAX_DURATION_MS)) {
    throw new InvalidArgumentError(
      `'${text}' is not a duration such as 500ms, 3s or 2m (above 0, at most 24h)`,
    );
  }
  return ms;
}

export interface ListenAddress {
  readonly host: string;
  /** 0 asks the kernel for a free port. */
  readonly port: number;
}

/** `127.0.0.1:4040`, `[::1]:4040`, `:4040` (all addresses), `localhost:4040`. */
export function listenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const bracketed = match?.[1];
  if (!match || port > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6)) {
    throw new InvalidArgumentError(`'${text}' is not HOST:PORT such as 127.0.0.1:4040 or [::1]:4040`);
  }
  return { host: bracketed ?? (match[2] === '' ? '0.0.0.0' : (match[2] ?? '')), port };
}

const DEFAULT_APP_PORT = '4040';

/** An app's address: `http://host:4040`, or `host` and `host:port` for short. Path and query are refused. */
export function appUrl(text: string): URL {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  let url: URL;
  try {
    url = new URL(withScheme);
  } catch {
    throw new InvalidArgumentError(`'${text}' is not a URL such as http://app.example:4040`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new InvalidArgumentError(
      `'${text}' has scheme ${url.protocol} but only http and https can be published to`,
    );
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new InvalidArgumentError(
      `'${text}' has a path, but reports always go to /api/report: give only scheme, host and port`,
    );
  }
  const hasPort = /:\d+\/?$/.test(withScheme);
  if (!hasPort && url.protocol === 'http:') url.port = DEFAULT_APP_PORT;
  return url;
}

/** `off`, or an address as `listenAddress` reads it. */
export function listenOrOff(text: string): ListenAddress | 'off' {
  return text === 'off' ? text : listenAddress(text);
}

/** Decimal digits, within bounds. */
export function wholeNumber(text: string, least: number, most: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) {
    throw new InvalidArgumentError(`'${text}' is not a whole number from ${least} to ${most}`);
  }
  return value;
}

const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
/** The largest page size there is: a ring buffer is made of whole pages. */
const MIN_RING_BYTES = 64 * 1024;
const MAX_RING_BYTES = 1024 ** 3;

/** `4MiB`, `512KiB` or a number of bytes, rounded up to a power of two, which a ring buffer has to be. */
export function ringBytes(text: string): number {
  const match = /^(\d{1,12})(KiB|MiB|GiB|)$/.exec(text);
  const bytes = match ? Number(match[1]) * (UNIT_BYTES[match[2] ?? ''] ?? NaN) : NaN;
  if (!(bytes >= MIN_RING_BYTES && bytes <= MAX_RING_BYTES)) {
    throw new InvalidArgumentError(`'${text}' is not a size such as 4MiB or 512KiB (64KiB to 1GiB)`);
  }
  return 2 ** Math.ceil(Math.log2(bytes));
}

/** One DNS server, or several separated by spaces or commas, added to those before. */
export function dnsServers(text: string, before: readonly string[] = []): readonly string[] {
  const texts = text.split(/[\s,]+/).filter((one) => one !== '');
  try {
    parseServers(texts);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
  return [...before, ...texts];
}

/** What a switch is set to: `yes`, `true`, `1`, `no`, `false`, `0`. */
export function yesOrNo(text: string): boolean {
  const meant = new Map([
    ['yes', true],
    ['true', true],
    ['1', true],
    ['no', false],
    ['false', false],
    ['0', false],
  ]).get(text.toLowerCase());
  if (meant === undefined) throw new InvalidArgumentError(`'${text}' is neither yes nor no`);
  return meant;
}
