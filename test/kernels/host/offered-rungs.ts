/** Which rungs of the ladder the product lets one choose. */
import { topoprobe } from '../../support/topoprobe.js';
import type { Rung } from '../rungs.js';

/** Those of `wanted` that can be forced; only `auto` where there is no such option. */
export async function offeredRungs(wanted: readonly Rung[]): Promise<readonly Rung[]> {
  const { stdout } = await topoprobe(['report', '--help']);
  return stdout.includes('--rung ') ? wanted : wanted.filter((rung) => rung === 'auto');
}
