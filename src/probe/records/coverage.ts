/**
 * What a source of connections was refused, and what is not seen because of that: for the log, the host's facts, `doctor`
 * and metrics. The eBPF source has a ladder of rungs: see ebpf/rungs.ts.
 */

export const RUNGS = ['files', 'sockets', 'events'] as const;
export type Rung = (typeof RUNGS)[number];

/** What the kernel allowed, and what is not seen because of what it refused. */
export interface Coverage {
  readonly rung: Rung;
  /** One for each missing program. */
  readonly blind: readonly Blindness[];
  /** What is not seen for other reasons. */
  readonly limits: readonly Limit[];
}

/** What can't be seen from where the probe runs. */
export interface Limit {
  /** One word of small letters and `_`: part of a fact's name. */
  readonly what: string;
  readonly lost: string;
  /** What to do to see it. */
  readonly remedy: string;
}

export interface Blindness {
  readonly program: string;
  /** The program's attach point: `iter/tcp` … */
  readonly section: string;
  /** The kernel's answer. */
  readonly reason: string;
  /** What can't be seen without it. */
  readonly lost: string;
}

/** One line for people. */
export const limitText = ({ lost, remedy }: Limit): string => `${lost}; ${remedy}`;

/** One line for people: `rung files, nothing refused`, or what is not seen and why. */
export function coverageText(coverage: Coverage): string {
  return [refusalsText(coverage), ...coverage.limits.map(limitText)].join('; ');
}

/** Like coverageText, without the limits. */
export function refusalsText({ rung, blind }: Coverage): string {
  if (blind.length === 0) return `rung ${rung}, nothing refused`;
  const losses = new Map<string, string[]>();
  for (const { program, section, reason, lost } of blind)
    losses.set(lost, [...(losses.get(lost) ?? []), `${program} (${section}): ${reason}`]);
  return `rung ${rung}: ${[...losses].map(([lost, why]) => `${lost} [${why.join(', ')}]`).join('; ')}`;
}
