/** The rungs of the eBPF source, by how live sockets are scanned in the kernel. Each is tried by itself. */
import { RUNGS, type Rung } from '../../src/probe/records/coverage.js';

export { RUNGS, type Rung };

/** @throws Error that says which rungs there are */
export function rungByName(name: string): Rung {
  const rung = RUNGS.find((each) => each === name);
  if (rung === undefined)
    throw new Error(`there is no rung "${name}": name some of ${RUNGS.join(' ')} in RUNGS`);
  return rung;
}
