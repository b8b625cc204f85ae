/**
 * How much one statement may cost its reader. Reading stops with a typed error at the first bound it meets.
 */

export interface StatementLimits {
  /** Bytes of the whole input. */
  readonly maxBytes: number;
  /** Flows stated, and as many again that are gone. */
  readonly maxFlows: number;
  /** Nodes of all topologies together, children included, and as many again that are gone. */
  readonly maxNodes: number;
  /** Texts, processes, times, facts, members of sets, samples and reasons together. */
  readonly maxEntries: number;
  /** Generations of children. */
  readonly maxDepth: number;
  /** UTF-8 bytes of one text. */
  readonly maxTextBytes: number;
}

/** Generous for one probe, which states 200,000 flows at most; an app should pass tighter limits. */
export const DEFAULT_STATEMENT_LIMITS: StatementLimits = {
  maxBytes: 256 * 1024 * 1024,
  maxFlows: 250_000,
  maxNodes: 500_000,
  maxEntries: 5_000_000,
  maxDepth: 16,
  maxTextBytes: 1024 * 1024,
};
