/**
 * What one app has of the probe's states: all that is kept for it, however long it is away. It belongs to the app, not to
 * the way there: when one way fails, another goes on from it.
 */
import type { ReportMark } from '../../flows/stated.js';

export class HeldState {
  /** The last state that the app confirmed; 0: none, the next statement is whole. */
  seq = 0;
  /** Whether there is something to deliver: a new state, or one that could not be delivered yet. */
  isDue: boolean;
  /** The app says that it takes flows, and does not: it gets reports. */
  refusesFlows = false;

  /** @param mark what the app was delivered in Scope's form, or another one in its place */
  constructor(
    isDue: boolean,
    public mark: ReportMark | undefined,
  ) {
    this.isDue = isDue;
  }

  /** The newest state that the app has in one form or the other; 0: none. */
  get confirmedSeq(): number {
    return Math.max(this.seq, this.mark?.seq ?? 0);
  }
}
