/**
 * What a source of connections could not have of what it uses, and what is not seen for that: for the log, the host's facts,
 * `doctor` and metrics. The eBPF source has a ladder of it: see ebpf/rungs.ts.
 */

export const RUNGS = ['files', 'sockets', 'events'] as const;
export type Rung = (typeof RUNGS)[number];

/** What the kernel allowed, and what is not seen because of what it refused. */
export interface Coverage {
  readonly rung: Rung;
  /** One for each program that is not there. */
  readonly blind: readonly Blindness[];
}

export interface Blindness {
  readonly program: string;
  /** What the program is attached to: `iter/tcp` … */
  readonly section: string;
  /** The kernel's answer. */
  readonly reason: string;
  /** What can't be seen without it. */
  readonly lost: string;
}

/** One line for people: `rung files, nothing refused`, or what is not seen and why. */
export function coverageText({ rung, blind }: Coverage): string {
  if (blind.length === 0) return `rung ${rung}, nothing refused`;
  const losses = new Map<string, string[]>();
  for (const { program, section, reason, lost } of blind)
    losses.set(lost, [...(losses.get(lost) ?? []), `${program} (${section}): ${reason}`]);
  return `rung ${rung}: ${[...losses].map(([lost, why]) => `${lost} [${why.join(', ')}]`).join('; ')}`;
}
