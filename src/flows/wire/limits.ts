/** Limits of reading one statement. Reading fails with a typed error at the first limit. */

export interface StatementLimits {
  /** Bytes of the whole input. */
  readonly maxBytes: number;
  /** Stated flows; gone flows have the same limit of their own. */
  readonly maxFlows: number;
  /** Nodes of all topologies with children; gone nodes have the same limit of their own. */
  readonly maxNodes: number;
  /** Texts, processes, times, facts, members of sets, samples and reasons together. */
  readonly maxEntries: number;
  /** Generations of children. */
  readonly maxDepth: number;
  /** UTF-8 bytes of one text. */
  readonly maxTextBytes: number;
}

/** Wide for one probe, which states at most 200,000 flows; an app should pass tighter limits. */
export const DEFAULT_STATEMENT_LIMITS: StatementLimits = {
  maxBytes: 256 * 1024 * 1024,
  maxFlows: 250_000,
  maxNodes: 500_000,
  maxEntries: 5_000_000,
  maxDepth: 16,
  maxTextBytes: 1024 * 1024,
};
