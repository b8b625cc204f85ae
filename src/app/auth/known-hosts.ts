/**
 * The names that the app answers to. A page of another site can have its own name point to this machine (DNS rebinding):
 * to the browser, that site and the app are one then. Only the name in the Host header tells them apart, so an app that
 * asks nobody who he is answers to addresses, which can't be made to point elsewhere, and to names that are this machine's.
 */
import { isIP } from 'node:net';
import { ownNames } from '../../machine/own-names.js';

/** For names that are looked for and not found; the machine may be renamed meanwhile. */
const REREAD_MS = 10_000;

export class KnownHosts {
  readonly #isAny: boolean;
  readonly #names: Set<string>;
  #own: ReadonlySet<string> = new Set();
  #ownReadAtMs = -Infinity;

  /** @param names besides addresses and this machine's names; `any`: whatever it is called */
  constructor(names: readonly string[] | 'any') {
    this.#isAny = names === 'any';
    this.#names = new Set(names === 'any' ? [] : names.map((name) => name.toLowerCase()));
  }

  add(name: string): void {
    this.#names.add(name.toLowerCase());
  }

  /** @param header of the form `name`, `name:port`, `[address]:port` */
  includes(header: string): boolean {
    if (this.#isAny) return true;
    const host = hostOf(header);
    if (host === undefined) return false;
    return host === 'localhost' || isIP(host) !== 0 || this.#names.has(host) || this.#ownNames().has(host);
  }

  #ownNames(): ReadonlySet<string> {
    if (performance.now() - this.#ownReadAtMs > REREAD_MS) {
      this.#ownReadAtMs = performance.now();
      this.#own = ownNames();
    }
    return this.#own;
  }
}

/** Without port, brackets and the dot that may end a name; undefined for what no browser sends. */
function hostOf(header: string): string | undefined {
  const [, address, name] = /^(?:\[([\da-f:.]+)\]|([^\s:[\]@/]+?)\.?)(?::\d{1,5})?$/i.exec(header) ?? [];
  return address === undefined ? name?.toLowerCase() : isIP(address) === 6 ? address : undefined;
}
