/** A resolver that can be put out of use and replaced while reports ask it for names. */
import type { ReverseResolver } from './index.js';

export class RenewableResolver implements ReverseResolver {
  #current: ReverseResolver;

  constructor(private readonly make: () => ReverseResolver) {
    this.#current = make();
  }

  names(address: string): readonly string[] | undefined {
    return this.#current.names(address);
  }

  counters(): Readonly<Record<string, number>> {
    return this.#current.counters();
  }

  troubles(): readonly string[] {
    return this.#current.troubles();
  }

  /** Names are learnt anew. */
  async renew(): Promise<void> {
    const before = this.#current;
    this.#current = this.make();
    await before.close();
  }

  close(): Promise<void> {
    return this.#current.close();
  }
}
