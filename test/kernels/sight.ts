/** What was seen of one check, on its way out of a virtual machine: a line of its console. */
import type { Rung } from './rungs.js';

export interface Sight {
  readonly rung: Rung;
  readonly check: string;
  /** What was seen instead of the truth; absent when the truth was seen. */
  readonly instead?: string;
  readonly seconds: number;
}

const MARK = '@@sight ';

export const writeSight = (sight: Sight): string => `${MARK}${JSON.stringify(sight)}\n`;

/** Undefined for any other line; the kernel may have written something before it. */
export function readSight(line: string): Sight | undefined {
  const at = line.indexOf(MARK);
  return at < 0 ? undefined : (JSON.parse(line.slice(at + MARK.length)) as Sight);
}
