/**
 * In place of client ports for rows that have none (they ended too long ago, or there was no room): numbers beyond all ports,
 * so that no connection is said to have had a port that it had not. A row has the same ones in each report, and shares them with
 * no other row of its address.
 */
import { identityHash } from './identity-hash.js';

/** The first number that is no port. */
const BEYOND_PORTS = 0x10000;
const NUMBERS = 0x7fff_0000;

export class PortlessIds {
  readonly #taken = new Set<number>();

  /** @param identity of the row, in an order of rows that is always the same */
  of(identity: string, count: number): number[] {
    return Array.from({ length: count }, (_, i) => {
      let number = identityHash(`${identity}\n${i}`) % NUMBERS;
      while (this.#taken.has(number)) number = (number + 1) % NUMBERS;
      this.#taken.add(number);
      return BEYOND_PORTS + number;
    });
  }
}
