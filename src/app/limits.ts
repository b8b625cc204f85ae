/** What an app takes at most, and how much that is when it is told nothing. */

export interface AppLimits {
  /** Bytes of one report as sent. */
  readonly compressedBytes: number;
  /** Bytes of one report after decompression. */
  readonly decompressedBytes: number;
  /** Bytes of reports that arrive or wait to be taken in, together; more are refused with 503. */
  readonly inFlightBytes: number;
  /** Nodes in one report. */
  readonly reportNodes: number;
  /** Distinct facts (a node as one probe tells it) in the whole window; more are refused with 503. */
  readonly windowParts: number;
  /** Estimated bytes of these facts, and again of the flows; more are refused with 503. */
  readonly windowBytes: number;
  /** Flows in the whole window, as each probe states them; more are refused with 503. */
  readonly windowFlows: number;
  /** Heap of the engine's thread: should it ever be full, the thread is replaced by an empty one. */
  readonly engineHeapBytes: number;
  /** Probes at once; further ones are refused with 503. */
  readonly probes: number;
  /** WebSocket clients at once; further ones are refused with 503. */
  readonly webSockets: number;
  /** Reports a second from all probes together; more are refused with 503. */
  readonly reportsPerSecond: number;
  /** Reports a second from one probe; more are refused with 429. */
  readonly reportsPerSecondPerProbe: number;
}

const MEBIBYTE = 1024 * 1024;

export const DEFAULT_LIMITS: AppLimits = {
  compressedBytes: 16 * MEBIBYTE,
  decompressedBytes: 64 * MEBIBYTE,
  inFlightBytes: 256 * MEBIBYTE,
  reportNodes: 200_000,
  windowParts: 1_000_000,
  windowBytes: 1_024 * MEBIBYTE,
  windowFlows: 2_000_000,
  engineHeapBytes: 3_072 * MEBIBYTE,
  probes: 5_000,
  webSockets: 5_000,
  reportsPerSecond: 2_000,
  reportsPerSecondPerProbe: 20,
};
