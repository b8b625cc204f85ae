/** The option that keeps eBPF below a rung of its ladder, as if the kernel refused what is above. */
import { Option } from 'commander';
import { RUNGS, type Rung } from '../../probe/records/coverage.js';

export type RungChoice = Rung | 'auto';

export const rung = (): Option =>
  new Option(
    '--rung <rung>',
    'the highest that eBPF may stand on: what it does without when a kernel refuses programs',
  )
    .env('TOPOPROBE_RUNG')
    .choices(['auto', ...RUNGS])
    .default('auto');

/** `auto` is the highest there is. */
export function rungOf({ rung: choice }: { readonly rung: RungChoice }): Rung | undefined {
  return choice === 'auto' ? undefined : choice;
}
