/** Names of the addresses in flows, each with the state (`seq`) of its last change. Look-ups run in the background. */
import type { DnsNames } from '../../report/model/model.js';

/** Addresses looked up again per tick, besides those of changed flows. */
const ASKED_AGAIN = 1_000;

const NO_NAMES: DnsNames = {};

interface Named {
  names: DnsNames;
  text: string;
  seq: number;
}

export class NameBook {
  readonly #names = new Map<string, Named>();

  /** @param look the names known now; undefined: not yet, or none */
  constructor(private readonly look: (address: string) => readonly string[] | undefined) {}

  /** Looks up these addresses, and some of the others in turn. */
  update(addresses: Iterable<string>, seq: number): void {
    for (const address of addresses) this.#ask(address, seq);
    let count = 0;
    for (const address of this.#names.keys()) {
      if (count++ >= ASKED_AGAIN) break;
      this.#ask(address, seq);
    }
  }

  /** Forgets all other addresses. */
  keepOnly(addresses: ReadonlySet<string>): void {
    for (const address of this.#names.keys()) if (!addresses.has(address)) this.#names.delete(address);
  }

  namesOf(address: string): DnsNames | undefined {
    const names = this.#names.get(address)?.names;
    return names === NO_NAMES ? undefined : names;
  }

  /** Names that changed after state `base`; empty: none any more. */
  since(base: number): Map<string, DnsNames> {
    const changed = new Map<string, DnsNames>();
    for (const [address, { names, seq }] of this.#names)
      if (seq > base && (base > 0 || names !== NO_NAMES)) changed.set(address, names);
    return changed;
  }

  /** The address goes to the end of the turn. */
  #ask(address: string, seq: number): void {
    const found = this.look(address);
    const text = found?.join('\n') ?? '';
    const known = this.#names.get(address);
    if (known !== undefined) this.#names.delete(address);
    const named = known ?? { names: NO_NAMES, text: '', seq: 0 };
    if (named.text !== text) {
      named.names = text === '' ? NO_NAMES : { reverse: [...found!].sort() };
      named.text = text;
      named.seq = seq;
    }
    this.#names.set(address, named);
  }
}
