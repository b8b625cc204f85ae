/** Bytes of a memory page, from the auxiliary vector the kernel gave this process: Node has no sysconf(3). */
import { readFileSync } from 'node:fs';

const AT_PAGESZ = 6n;
const WORD_BYTES = 8;
const USUAL_PAGE_BYTES = 4096;

export function pageBytes(): number {
  let auxv: Buffer;
  try {
    auxv = readFileSync('/proc/self/auxv');
  } catch {
    return USUAL_PAGE_BYTES;
  }
  for (let at = 0; at + 2 * WORD_BYTES <= auxv.length; at += 2 * WORD_BYTES) {
    if (auxv.readBigUInt64LE(at) === AT_PAGESZ) return Number(auxv.readBigUInt64LE(at + WORD_BYTES));
  }
  return USUAL_PAGE_BYTES;
}
