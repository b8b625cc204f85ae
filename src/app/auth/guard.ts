/**
 * Every request passes here first: rights, the names the app answers to, and who may open WebSockets from a page.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../errors.js';
import type { Credentials, Right } from './credentials.js';
import type { KnownHosts } from './known-hosts.js';
import { askedFor, isSameOrigin } from './same-origin.js';

export interface GuardOptions {
  readonly credentials: Credentials;
  readonly knownHosts: KnownHosts;
  /** Whose pages may ask, besides the app's own. */
  readonly allowedOrigins: readonly string[];
}

/** Of a header in a message. */
const SHOWN_CHARACTERS = 100;

/** Paths that tell nothing of the fleet, for whoever watches over the app. */
const OPEN_PATHS = new Set(['/health', '/ready']);

/** Scripts and styles come from the app itself only, and no other page may frame it. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self' ws: wss:; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function guard(
  server: FastifyInstance,
  { credentials, knownHosts, allowedOrigins }: GuardOptions,
): void {
  server.addHook('onRequest', async (request, reply) => {
    void reply
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer')
      .header('content-security-policy', PAGE_POLICY);
    refuseForeignHost(request.headers, knownHosts);
    if (request.headers.origin !== undefined) refuseForeignOrigin(request.headers, allowedOrigins);
    const path = request.url.split('?', 1)[0]!;
    if (!credentials.required || OPEN_PATHS.has(path)) return;
    const rights = credentials.rightsOf(request.headers.authorization);
    if (neededRights(request.method, path).some((right) => rights.has(right))) return;
    if (rights.size > 0) throw new AppError('FORBIDDEN', 'these credentials do not allow this');
    const schemes = credentials.hasUsers
      ? 'Basic realm="topoprobe", charset="UTF-8"'
      : 'Bearer realm="topoprobe"';
    void reply.header('www-authenticate', schemes);
    await Promise.resolve();
    throw new AppError('UNAUTHORISED', 'this needs credentials');
  });
}

/** Rights of which one is enough. A probe asks `/api` before it reports. */
function neededRights(method: string, path: string): readonly Right[] {
  if (method === 'POST') return ['write'];
  return path === '/api' ? ['read', 'write'] : ['read'];
}

function refuseForeignHost({ host = '' }: IncomingHttpHeaders, knownHosts: KnownHosts): void {
  if (knownHosts.includes(host)) return;
  throw new AppError('FOREIGN_HOST', `the app is not known by the name ${shown(host)}`);
}

/** Pages of other sites may neither read answers nor open WebSockets. */
function refuseForeignOrigin(headers: IncomingHttpHeaders, allowedOrigins: readonly string[]): void {
  if (isSameOrigin(headers, allowedOrigins)) return;
  throw new AppError(
    'FOREIGN_ORIGIN',
    `refused a page of ${shown(headers.origin ?? '')}: the app was asked for as ${askedFor(headers).map(shown).join(' or ')}`,
  );
}

const shown = (header: string): string => JSON.stringify(header.slice(0, SHOWN_CHARACTERS));
