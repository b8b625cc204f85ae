/**
 * Signing in and out with a browser: a token of `--read-token-file` for a cookie that lets its owner look, as the token
 * does. The paths lie at the app's root, so that the cookie is for all of the app, and not for what a proxy has beside it.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { Blocks } from '../bodies/blocks.js';
import { readBody } from '../bodies/body.js';
import { Room } from '../bodies/room.js';
import type { Credentials } from './credentials.js';
import type { Sessions } from './sessions.js';
import { signInPage } from './sign-in-page.js';

export const SIGN_IN_PATH = '/sign-in';
export const SIGN_OUT_PATH = '/sign-out';

export interface SignInParts {
  readonly credentials: Credentials;
  readonly sessions: Sessions;
  /** The app itself serves https. */
  readonly isTls: boolean;
}

/** A form with one token. */
const FORM_BYTES_MAX = 4 * 1024;
const FORMS_AT_ONCE = 1_000;

export function signInRoutes(server: FastifyInstance, { credentials, sessions, isTls }: SignInParts): void {
  /** For the page, which can't see its cookie. */
  server.get('/session', (request) => ({ signedIn: sessions.has(request.headers.cookie) }));
  if (!credentials.hasReadTokens) return;
  const room = new Room(FORM_BYTES_MAX * FORMS_AT_ONCE, 'refused to sign in: too many others are at it');

  server.get(SIGN_IN_PATH, (_request, reply) =>
    reply
      .type(HTML)
      .header('cache-control', 'no-store')
      .send(signInPage({ path: SIGN_IN_PATH })),
  );

  server.post(SIGN_IN_PATH, async (request, reply) => {
    const token = await tokenIn(request.body as IncomingMessage | undefined, request.headers, room);
    const rights = credentials.rightsOf(`Bearer ${token}`);
    void reply.header('cache-control', 'no-store');
    if (rights.has('read')) {
      const cookie = sessions.begin(isSecure(request.headers, isTls));
      return reply.header('set-cookie', cookie).code(303).header('location', './').send();
    }
    const refusal =
      rights.size > 0
        ? 'With this token probes report; nobody can look with it.'
        : 'This token is not known.';
    return reply
      .code(401)
      .type(HTML)
      .send(signInPage({ path: SIGN_IN_PATH, refusal }));
  });

  server.post(SIGN_OUT_PATH, (request, reply) =>
    reply
      .header('set-cookie', sessions.end(request.headers.cookie, isSecure(request.headers, isTls)))
      .code(303)
      .header('location', './')
      .send(),
  );
}

export const HTML = 'text/html; charset=utf-8';

async function tokenIn(
  stream: IncomingMessage | undefined,
  { 'content-length': length }: IncomingHttpHeaders,
  room: Room,
): Promise<string> {
  const place = room.open();
  try {
    const limits = { compressedBytes: FORM_BYTES_MAX, decompressedBytes: FORM_BYTES_MAX };
    const headers = {
      contentEncoding: undefined,
      contentLength: length === undefined ? undefined : Number(length),
    };
    const body = stream === undefined ? new Blocks(place) : await readBody(stream, headers, limits, place);
    return new URLSearchParams(Buffer.from(body.join()).toString('utf8')).get('token')?.trim() ?? '';
  } finally {
    place.close();
  }
}

/** Whether the browser came by https, to the app or to a proxy before it. */
function isSecure(headers: IncomingHttpHeaders, isTls: boolean): boolean {
  const [proto] = String(headers['x-forwarded-proto'] ?? '').split(',', 1);
  return isTls || proto?.trim().toLowerCase() === 'https' || /proto="?https/i.test(headers.forwarded ?? '');
}
