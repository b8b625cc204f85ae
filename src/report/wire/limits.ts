/**
 * How much one report may cost its reader. Reading stops with a typed error at the first bound it meets.
 */

export interface DecodeLimits {
  /** Size of the whole input: bytes of MessagePack, UTF-16 units of JSON. */
  readonly maxBytes: number;
  /** Maps and lists inside each other; a report without children needs 9. */
  readonly maxDepth: number;
  /** Nodes of all topologies together, children included. */
  readonly maxNodes: number;
  /** Rows of `Flows`. */
  readonly maxFlows: number;
  /** Entries of all maps and lists together, also of those that are skipped. */
  readonly maxEntries: number;
  /** Bytes of one text. */
  readonly maxTextBytes: number;
}

/**
 * Generous for one probe: a host with 100,000 connections sends about 200,000 nodes and 3 million entries in 30 MB.
 * The worst that fits (five million metrics in 32 MB) takes 700 MB of memory; an app should pass tighter limits.
 */
export const DEFAULT_LIMITS: DecodeLimits = {
  maxBytes: 256 * 1024 * 1024,
  maxDepth: 64,
  maxNodes: 500_000,
  maxFlows: 250_000,
  maxEntries: 5_000_000,
  maxTextBytes: 1024 * 1024,
};
