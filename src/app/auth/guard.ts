/**
 * Every request passes here first: rights, the names the app answers to, and who may open WebSockets from a page.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../errors.js';
import type { Credentials, Right } from './credentials.js';
import type { KnownHosts } from './known-hosts.js';

export interface GuardOptions {
  readonly credentials: Credentials;
  readonly knownHosts: KnownHosts;
}

/** Of a header in a message. */
const SHOWN_CHARACTERS = 100;

/** Paths that tell nothing of the fleet, for whoever watches over the app. */
const OPEN_PATHS = new Set(['/health', '/ready']);

/** Scripts and styles come from the app itself only, and no other page may frame it. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self' ws: wss:; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function guard(server: FastifyInstance, { credentials, knownHosts }: GuardOptions): void {
  server.addHook('onRequest', async (request, reply) => {
    void reply
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer')
      .header('content-security-policy', PAGE_POLICY);
    refuseForeignHost(request.headers, knownHosts);
    if (request.headers.origin !== undefined) refuseForeignOrigin(request.headers);
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
  const name = JSON.stringify(host.slice(0, SHOWN_CHARACTERS));
  throw new AppError('FOREIGN_HOST', `the app is not known by the name ${name}`);
}

/** Pages of other sites may neither read answers nor open WebSockets. */
function refuseForeignOrigin({ origin, host }: IncomingHttpHeaders): void {
  let from = '';
  try {
    from = new URL(origin ?? '').host;
  } catch {
    // `null` and other texts that are no origin are nobody's
  }
  if (from !== '' && from === host?.toLowerCase()) return;
  throw new AppError('FOREIGN_ORIGIN', 'a page of another site asked for this');
}
