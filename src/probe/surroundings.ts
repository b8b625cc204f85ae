/** What a probe needs of the program that it runs in. */
import type { Logger } from 'pino';

/** A part of a probe that can be put out of use and started anew. */
export interface SupervisedPart {
  /** As in metrics and in the log: `dns`, `source` … */
  readonly name: string;
  /** Puts what may be broken out of use, and something new in its place. May be called at any time. */
  readonly restart: () => void | Promise<void>;
}

export interface Surroundings {
  readonly log: Logger;
  /** Runs `start`; errors that nobody handles of what it begins are the part's, which is restarted then. */
  readonly supervise: <Result>(part: SupervisedPart, start: () => Result) => Result;
  /** Monotonic, for metrics. */
  readonly counters: () => Readonly<Record<string, number>>;
  /** What the program itself does without at present, as one line each: why, and what to do. */
  readonly troubles: () => readonly string[];
}
