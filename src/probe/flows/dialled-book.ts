/** Dialled addresses (`address:port`) other than the server's own, as small numbers. 0: the server's own. */

/** A cluster has fewer services. Beyond the limit a connection counts as dialled to the server itself. */
const MAX_DIALLED = 65_536;

export class DialledBook {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [''];
  /** Connections whose dialled address was over the limit. */
  dropped = 0;

  numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (this.#texts.length >= MAX_DIALLED) {
      this.dropped++;
      return 0;
    }
    this.#numbers.set(text, this.#texts.length);
    this.#texts.push(text);
    return this.#texts.length - 1;
  }

  /** Number of a record's dialled address. @param dialled by record, if it is not the server's own */
  numberIn(dialled: ReadonlyMap<number, string> | undefined, record: number): number {
    const text = dialled?.get(record);
    return text === undefined ? 0 : this.numberOf(text);
  }

  /** Empty for 0. */
  textOf(number: number): string {
    return this.#texts[number] ?? '';
  }
}
