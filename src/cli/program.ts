/** What every long-running command has: a log that nothing stops, and a last resort for errors that nobody handled. */
import type { Logger } from 'pino';
import { createLogger } from './logger.js';
import type { LogOptions } from './options/shared-options.js';
import { StderrLines } from './stderr-lines.js';
import { Supervisor } from './supervisor.js';

export interface Program {
  readonly log: Logger;
  readonly supervisor: Supervisor;
  /** Monotonic, for metrics. */
  readonly counters: () => Readonly<Record<string, number>>;
  /** What the program itself does without at present, as one line each: why, and what to do. */
  readonly troubles: () => readonly string[];
}

/** To be called once in a process: it takes the errors that nobody handles. */
export function startProgram({ logLevel, logFormat }: LogOptions): Program {
  const lines = new StderrLines();
  const log = createLogger(logLevel, logFormat, lines);
  const supervisor = new Supervisor({ log });
  return {
    log,
    supervisor,
    counters: () => ({ ...supervisor.counters(), lost_log_lines: lines.lost }),
    troubles: () => [...supervisor.troubles(), ...lines.troubles()],
  };
}
