/**
 * Numbers in place of client ports, for rows without ports (ended too long ago, or over the limit). They are beyond all
 * ports, so that no connection is reported with a wrong port. A row has the same numbers in each report, and no other row of
 * its address has them.
 */
import { identityHash } from './identity-hash.js';

/** The first number that is no port. */
const BEYOND_PORTS = 0x10000;
const NUMBERS = 0x7fff_0000;

export class PortlessIds {
  readonly #taken = new Set<number>();

  /** @param identity of the row; rows always come in the same order */
  of(identity: string, count: number): number[] {
    return Array.from({ length: count }, (_, i) => {
      let number = identityHash(`${identity}\n${i}`) % NUMBERS;
      while (this.#taken.has(number)) number = (number + 1) % NUMBERS;
      this.#taken.add(number);
      return BEYOND_PORTS + number;
    });
  }
}
