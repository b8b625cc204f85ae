/** What clients dialled (`address:port`) where that is not the server's own, as small numbers. 0: nothing else. */

/** Services of a cluster are fewer. What has no room counts as if the server itself had been dialled. */
const MAX_DIALLED = 65_536;

export class DialledBook {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [''];
  /** Connections whose dialled end had no room. */
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

  /** Of what a record's client dialled. @param dialled by record, where it is not the server's own */
  numberIn(dialled: ReadonlyMap<number, string> | undefined, record: number): number {
    const text = dialled?.get(record);
    return text === undefined ? 0 : this.numberOf(text);
  }

  /** Empty for 0. */
  textOf(number: number): string {
    return this.#texts[number] ?? '';
  }
}
