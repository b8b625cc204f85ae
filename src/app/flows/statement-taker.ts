/** Who takes in what probes state. */
import type { Statement } from '../../flows/statement.js';
import type { ProbeIdentity } from '../window/probe-registry.js';

export type TakenStatement =
  | { readonly taken: true; readonly seq: number }
  /** The statement builds on a state that is not there. `have`: the one that is, of the same epoch; 0: none. */
  | { readonly taken: false; readonly have: number };

export interface StatementTaker {
  /**
   * Takes in a statement, or leaves everything as it was. A statement that was taken in before, or is older than what is
   * there, does no harm.
   *
   * @param bodyBytes size of the statement after decompression
   * @throws AppError when there is no room
   */
  take(probe: ProbeIdentity, statement: Statement, bodyBytes: number): TakenStatement;
}
