/**
 * Who listened where, after it has gone: an address that is dialled in vain is then more than a number. Servers whose process
 * was known are remembered for ten minutes.
 */
import type { Statement } from '../../flows/statement.js';
import type { JoinedEnd, JoinedFlow } from '../flows/joined-flow.js';

const REMEMBER_MS = 10 * 60_000;
/** The oldest are forgotten first. */
const MAX_REMEMBERED = 20_000;

interface Listener {
  readonly key: string;
  readonly name: string;
  /** Undefined while it is there. */
  goneAtMs: number | undefined;
  /** Of the last look at which it was there. */
  look: number;
}

export class FormerListeners {
  readonly #listeners = new Map<string, Listener>();
  /** The same, by ends that were seen before: most are as they were at the last look. */
  readonly #byEnd = new WeakMap<JoinedEnd, Listener>();
  #look = 0;

  /** Notes who serves now. @param nameOf the name of a server's process; empty when it is not known */
  note(flows: readonly JoinedFlow[], nowMs: number, nameOf: (server: JoinedEnd) => string): void {
    const look = ++this.#look;
    for (const { server, activity } of flows) {
      // Failed connects alone say nothing of who is there.
      if (server.process === undefined || activity.connections === 0) continue;
      const known = this.#byEnd.get(server) ?? this.#added(server, nameOf(server));
      if (known === undefined || known.look === look) continue;
      known.look = look;
      if (known.goneAtMs === undefined && this.#listeners.get(known.key) === known) continue;
      known.goneAtMs = undefined;
      this.#listeners.set(known.key, known);
    }
    for (const [key, listener] of this.#listeners) {
      if (listener.look === look) continue;
      listener.goneAtMs ??= nowMs;
      if (nowMs - listener.goneAtMs >= REMEMBER_MS || this.#listeners.size > MAX_REMEMBERED)
        this.#listeners.delete(key);
    }
  }

  /** Notes servers that a statement has, also while nobody looks. */
  heard({ flows }: Statement): void {
    for (const { definition } of flows) {
      const { kind, scope, server } = definition ?? {};
      const name = server?.process?.name ?? '';
      if (kind !== 'ends' || server?.isHere !== true || name === '') continue;
      const key = keyOf(scope ?? '', server.address, server.port);
      if (this.#listeners.get(key)?.name === name) continue;
      this.#listeners.set(key, { key, name, goneAtMs: undefined, look: this.#look });
      const [oldest] = this.#listeners.keys();
      if (this.#listeners.size > MAX_REMEMBERED && oldest !== undefined) this.#listeners.delete(oldest);
    }
  }

  #added(server: JoinedEnd, name: string): Listener | undefined {
    if (name === '') return undefined;
    const key = keyOf(server.scope, server.address, server.port);
    const listener: Listener = { key, name, goneAtMs: undefined, look: 0 };
    this.#listeners.set(key, listener);
    this.#byEnd.set(server, listener);
    return listener;
  }

  /** Name of who listened there. */
  at(scope: string, address: string, port: number): string | undefined {
    return this.#listeners.get(keyOf(scope, address, port))?.name;
  }
}

function keyOf(scope: string, address: string, port: number): string {
  return `${scope};${address};${port}`;
}
