/**
 * Who may report and who may look: tokens and passwords compared without telling by time how much was right.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

export type Right = 'read' | 'write';

export interface AuthOptions {
  /** Tokens of probes: these may report, and ask `/api` who the app is. */
  readonly probeTokens?: readonly string[];
  /** Tokens of people and programs: these may look. */
  readonly readTokens?: readonly string[];
  /** User name → password; for browsers. These may look, and report as Scope's probes do with a URL's user info. */
  readonly users?: ReadonlyMap<string, string>;
}

export class Credentials {
  readonly #tokens: readonly { readonly digest: Buffer; readonly right: Right }[];
  readonly #users: readonly Buffer[];

  constructor({ probeTokens = [], readTokens = [], users = new Map() }: AuthOptions) {
    this.#tokens = [
      ...probeTokens.map((token) => ({ digest: digest(token), right: 'write' as const })),
      ...readTokens.map((token) => ({ digest: digest(token), right: 'read' as const })),
    ];
    this.#users = Array.from(users, ([user, password]) => digest(`${user}:${password}`));
  }

  /** False when nothing was configured: then everybody may do everything. */
  get required(): boolean {
    return this.#tokens.length + this.#users.length > 0;
  }

  /** Passwords make browsers ask for one. */
  get hasUsers(): boolean {
    return this.#users.length > 0;
  }

  /** Tokens that people may sign in with. */
  get hasReadTokens(): boolean {
    return this.#tokens.some(({ right }) => right === 'read');
  }

  /** The rights an Authorization header gives; none for one that is not known. */
  rightsOf(authorization: string | undefined): ReadonlySet<Right> {
    const rights = new Set<Right>();
    const [scheme, rest] = split(authorization ?? '');
    const token = tokenIn(scheme, rest);
    if (token !== undefined) {
      const given = digest(token);
      // Every known one is compared, so that the time taken does not tell which was nearly right.
      for (const known of this.#tokens) if (timingSafeEqual(given, known.digest)) rights.add(known.right);
    }
    if (scheme === 'basic') {
      const given = digest(Buffer.from(rest, 'base64').toString('utf8'));
      for (const known of this.#users) if (timingSafeEqual(given, known)) rights.add('read').add('write');
    }
    return rights;
  }
}

function split(authorization: string): [string, string] {
  const space = authorization.indexOf(' ');
  return space < 0
    ? [authorization.toLowerCase(), '']
    : [authorization.slice(0, space).toLowerCase(), authorization.slice(space + 1).trim()];
}

/** `Bearer <token>`, or as Scope's probes send it: `Scope-Probe token=<token>`. */
function tokenIn(scheme: string, rest: string): string | undefined {
  if (scheme === 'bearer') return rest;
  return scheme === 'scope-probe' && rest.startsWith('token=') ? rest.slice('token='.length) : undefined;
}

/** Of equal length whatever was given. */
function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
