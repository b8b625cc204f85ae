/**
 * Every request passes here first: rights, the names the app answers to, and who may open WebSockets from a page.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../errors.js';
import type { Credentials, Right } from './credentials.js';
import type { KnownHosts } from './known-hosts.js';
import { askedFor, isSameOrigin } from './same-origin.js';
import type { Sessions } from './sessions.js';
import { signInPage } from './sign-in-page.js';
import { HTML, SIGN_IN_PATH, SIGN_OUT_PATH } from './sign-in.js';

export interface GuardOptions {
  readonly credentials: Credentials;
  readonly sessions: Sessions;
  readonly knownHosts: KnownHosts;
  /** Whose pages may ask, besides the app's own. */
  readonly allowedOrigins: readonly string[];
}

/** A page that can't see why its WebSocket was refused asks with this, as browsers send Origin with no plain GET. */
const PAGE_ORIGIN_HEADER = 'x-topoprobe-page-origin';

/** Of a header in a message. */
const SHOWN_CHARACTERS = 100;

/** Paths that tell nothing of the fleet, for whoever watches over the app. */
const OPEN_PATHS = new Set(['/health', '/ready']);
/** Browsers ask for these with an Origin. */
const ASSETS = '/assets/';
/** What whoever has no rights yet, or gives them up, must get at. */
const SIGN_IN_PATHS = new Set([SIGN_IN_PATH, SIGN_OUT_PATH]);

/** Scripts and styles come from the app itself only, and no other page may frame it. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self' ws: wss:; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export function guard(
  server: FastifyInstance,
  { credentials, sessions, knownHosts, allowedOrigins }: GuardOptions,
): void {
  server.addHook('onRequest', async (request, reply) => {
    void reply
      .header('x-content-type-options', 'nosniff')
      // Without a referrer, browsers would not say either which page a form is from.
      .header('referrer-policy', 'same-origin')
      .header('cross-origin-resource-policy', 'same-origin')
      .header('content-security-policy', PAGE_POLICY);
    refuseForeignHost(request.headers, knownHosts);
    const path = request.url.split('?', 1)[0]!;
    // The page's scripts and styles tell nothing, and without them it could not say why the rest is refused.
    if (!path.startsWith(ASSETS)) refuseForeignOrigin(request.headers, allowedOrigins);
    if (!credentials.required || OPEN_PATHS.has(path)) return;
    if (credentials.hasReadTokens && SIGN_IN_PATHS.has(path)) return;
    const rights = new Set(credentials.rightsOf(request.headers.authorization));
    if (sessions.has(request.headers.cookie)) rights.add('read');
    if (neededRights(request.method, path).some((right) => rights.has(right))) return;
    if (rights.size > 0) throw new AppError('FORBIDDEN', 'these credentials do not allow this');
    const schemes = credentials.hasUsers
      ? 'Basic realm="topoprobe", charset="UTF-8"'
      : 'Bearer realm="topoprobe"';
    void reply.header('www-authenticate', schemes);
    if (credentials.hasReadTokens && isForPeople(request)) {
      const isFromElsewhere = request.headers['sec-fetch-site'] === 'cross-site';
      const page = signInPage({ path, isFromElsewhere });
      return reply.code(401).type(HTML).header('cache-control', 'no-store').send(page);
    }
    await Promise.resolve();
    throw new AppError('UNAUTHORISED', 'this needs credentials');
  });
}

/** A browser that goes somewhere says that it can show pages; programs and scripts don't. */
function isForPeople({ method, headers }: FastifyRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && /\btext\/html\b/i.test(headers.accept ?? '');
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
  const origin = headers.origin ?? headers[PAGE_ORIGIN_HEADER];
  if (typeof origin !== 'string' || isSameOrigin({ ...headers, origin }, allowedOrigins)) return;
  throw new AppError(
    'FOREIGN_ORIGIN',
    `refused a page of ${shown(origin)}: the app was asked for as ${askedFor(headers).map(shown).join(' or ')}`,
  );
}

const shown = (header: string): string => JSON.stringify(header.slice(0, SHOWN_CHARACTERS));
