/** One thing that is made in a virtual machine and must be seen there. */
import type { TestContext } from 'node:test';
import type { EbpfSourceOptions } from '../../../src/probe/connections/ebpf/ebpf-source.js';
import { RUNGS, type Rung } from '../rungs.js';

export interface Check {
  /** As the table says it. */
  readonly name: string;
  /** Where it must be seen; on the other rungs it is told what is seen instead. */
  readonly rungs: readonly Rung[];
  /** Makes it and fails if it is not seen. */
  readonly run: (t: TestContext, rung: Rung) => Promise<void>;
}

export const EVERY_RUNG: readonly Rung[] = RUNGS;
/** Rungs that scan live sockets. */
export const SCANNING_RUNGS: readonly Rung[] = RUNGS.filter((rung) => rung !== 'events');
/** Those that know the processes of what is older than the probe. */
export const FILES_RUNGS: readonly Rung[] = ['files'];

/** Of a source on that rung. */
export const optionsOf = (rung: Rung): EbpfSourceOptions => ({ rung });
