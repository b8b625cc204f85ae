/**
 * Who has signed in with a browser: a random id in a cookie, which says nothing of the token that it was given for. A
 * session ends when it is old, when its owner signs out, and with the app, which is also when tokens change.
 */
import { createHash, randomBytes } from 'node:crypto';

const ID_BYTES = 32;
const LIFE_SECONDS = 12 * 3_600;
/** Only who has a token makes one; the oldest ends for a further one. */
const SESSIONS_MAX = 10_000;

interface Session {
  readonly timer: NodeJS.Timeout;
  readonly onEnd: Set<() => void>;
}

export class Sessions {
  readonly #name: string;
  /** By the digest of its id: what is compared tells nothing by the time it takes. Oldest first. */
  readonly #sessions = new Map<string, Session>();

  /** @param appId tells the cookies of several apps at one host name apart: cookies know no ports */
  constructor(appId: string) {
    this.#name = `topoprobe-session-${appId}`;
  }

  /** Begins one. @returns the Set-Cookie header; without a path, it is for what lies beside the page that gets it */
  begin(isSecure: boolean): string {
    const id = randomBytes(ID_BYTES).toString('base64url');
    const key = digest(id);
    const timer = setTimeout(() => this.#end(key), LIFE_SECONDS * 1_000).unref();
    this.#sessions.set(key, { timer, onEnd: new Set() });
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > SESSIONS_MAX && oldest !== undefined) this.#end(oldest);
    return this.#cookie(id, LIFE_SECONDS, isSecure);
  }

  /** Ends those of a Cookie header. @returns the Set-Cookie header that makes the browser forget them */
  end(cookies: string | undefined, isSecure: boolean): string {
    for (const key of this.#keysIn(cookies)) this.#end(key);
    return this.#cookie('', 0, isSecure);
  }

  /** Whether a Cookie header has one that lives. */
  has(cookies: string | undefined): boolean {
    return this.#keysIn(cookies).length > 0;
  }

  /** Calls `ended` when the session of a Cookie header ends. @returns what takes that back */
  whenEnded(cookies: string | undefined, ended: () => void): () => void {
    const [key] = this.#keysIn(cookies);
    const session = key === undefined ? undefined : this.#sessions.get(key);
    session?.onEnd.add(ended);
    return () => session?.onEnd.delete(ended);
  }

  close(): void {
    for (const key of [...this.#sessions.keys()]) this.#end(key);
  }

  #end(key: string): void {
    const session = this.#sessions.get(key);
    if (session === undefined) return;
    this.#sessions.delete(key);
    clearTimeout(session.timer);
    for (const ended of session.onEnd) ended();
  }

  /** There may be several of one name, for several paths. */
  #keysIn(cookies: string | undefined): string[] {
    const start = `${this.#name}=`;
    return (cookies ?? '')
      .split(';')
      .map((cookie) => cookie.trim())
      .filter((cookie) => cookie.startsWith(start))
      .map((cookie) => digest(cookie.slice(start.length)))
      .filter((key) => this.#sessions.has(key));
  }

  #cookie(id: string, maxAgeSeconds: number, isSecure: boolean): string {
    const secure = isSecure ? '; Secure' : '';
    return `${this.#name}=${id}; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${secure}`;
  }
}

const digest = (id: string): string => createHash('sha256').update(id).digest('base64');
