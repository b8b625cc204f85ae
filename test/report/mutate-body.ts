/** Breaks a body in the ways that break decoders: bits, lengths, types, pieces moved, doubled, cut. Repeatable by its seed. */

/** A small generator of numbers (mulberry32) so that a failure can be run again. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `below` - 1. */
  roll(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * below);
  }
}

/** Heads of every type, and the first bytes of lengths nobody has. */
const TELLING = [
  0x00, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x91, 0x9f, 0xa0, 0xa1, 0xaf, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc6,
  0xc7, 0xca, 0xcb, 0xcf, 0xd3, 0xd4, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff,
] as const;

/** @param donors bodies that pieces may be taken from; at least one, none of them empty */
export function mutate(body: Uint8Array, donors: readonly Uint8Array[], dice: Dice): Buffer {
  let mutant = Buffer.from(body);
  for (let changes = 1 + dice.roll(4); changes > 0 && mutant.length > 0; changes--) {
    const at = dice.roll(mutant.length);
    switch (dice.roll(7)) {
      case 0:
        mutant[at]! ^= 1 << dice.roll(8);
        break;
      case 1:
        mutant[at] = TELLING[dice.roll(TELLING.length)]!;
        break;
      case 2:
        mutant.subarray(at, at + 1 + dice.roll(8)).fill(dice.roll(2) * 0xff);
        break;
      case 3:
        mutant = mutant.subarray(0, at);
        break;
      case 4: {
        const end = at + dice.roll(40);
        mutant = Buffer.concat([mutant.subarray(0, at), mutant.subarray(end)]);
        break;
      }
      case 5: {
        const piece = mutant.subarray(at, at + 1 + dice.roll(60));
        const copies = Array.from({ length: 1 + dice.roll(3) }, () => piece);
        mutant = Buffer.concat([mutant.subarray(0, at), ...copies, mutant.subarray(at)]);
        break;
      }
      default: {
        const donor = donors[dice.roll(donors.length)]!;
        const from = dice.roll(donor.length);
        const piece = donor.subarray(from, from + 1 + dice.roll(60));
        const behind = mutant.subarray(at + dice.roll(2) * piece.length);
        mutant = Buffer.concat([mutant.subarray(0, at), piece, behind]);
      }
    }
  }
  return mutant;
}
