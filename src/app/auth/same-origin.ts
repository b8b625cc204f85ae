/**
 * Whether a page is the app's own. Browsers say where a page is from (Origin) and what it asks for (Host); behind a
 * reverse proxy Host may be the proxy's name for the app, and what the browser asked for is in X-Forwarded-Host or
 * Forwarded. These are believed: a page can neither set them on a WebSocket, nor elsewhere without being allowed to.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** @param allowed further origins whose pages are the app's own, such as `https://fleet.example` */
export function isSameOrigin(headers: IncomingHttpHeaders, allowed: readonly string[]): boolean {
  const page = pageOrigin(headers.origin);
  if (page === undefined) return false;
  if (allowed.includes(page.origin)) return true;
  return askedFor(headers).some((host) => hostAs(page.protocol, host) === page.host);
}

/** What the browser may have asked for: `host` or `host:port`, as the headers have it. */
export function askedFor(headers: IncomingHttpHeaders): string[] {
  const forwarded = textOf(headers.forwarded).matchAll(/(?:^|[;,\s])host=(?:"([^"]*)"|([^;,\s"]+))/gi);
  const hosts = [
    headers.host ?? '',
    ...textOf(headers['x-forwarded-host']).split(','),
    ...Array.from(forwarded, ([, quoted, token]) => quoted ?? token ?? ''),
  ]
    .map((host) => host.trim())
    .filter((host) => host !== '');
  // Some proxies tell the port apart from the name.
  const port = /^\d{1,5}$/.exec(textOf(headers['x-forwarded-port']).split(',', 1)[0]!.trim())?.[0];
  const withPort = hosts.filter((host) => !/:\d*$/.test(host)).map((host) => `${host}:${port ?? ''}`);
  return [...new Set(port === undefined ? hosts : [...hosts, ...withPort])];
}

/** `null`, and other texts that are no origin, are nobody's. */
function pageOrigin(origin: string | undefined): URL | undefined {
  const url = URL.canParse(origin ?? '') ? new URL(origin ?? '') : undefined;
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined;
}

/** In lower case, and without the port that the scheme has anyway; undefined for what is more or less than a host. */
function hostAs(protocol: string, host: string): string | undefined {
  const text = `${protocol}//${host}/`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.href === `${protocol}//${url?.host ?? ''}/` ? url.host : undefined;
}

function textOf(header: string | string[] | undefined): string {
  return Array.isArray(header) ? header.join(',') : (header ?? '');
}
