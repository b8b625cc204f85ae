/** Who visits live sockets in the kernel: the ladder of the eBPF source, of which each rung is tried by itself. */

export const RUNGS = ['auto', 'storage', 'files', 'events'] as const;
export type Rung = (typeof RUNGS)[number];

/** @throws Error that says which rungs there are */
export function rungByName(name: string): Rung {
  const rung = RUNGS.find((each) => each === name);
  if (rung === undefined)
    throw new Error(`there is no rung "${name}": name some of ${RUNGS.join(' ')} in RUNGS`);
  return rung;
}
