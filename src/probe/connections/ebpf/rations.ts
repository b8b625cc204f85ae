/** Processor time for what no event reports: scans of live sockets, sweeps over open files. */

/** A sweep takes at most this share of the time between two sweeps. */
export const SWEEP_SHARE = 1 / 400;

/**
 * A scan of live sockets that may be deferred takes at most this share of the time between two snapshots, but always 10 ms.
 * A socket takes about a microsecond.
 */
export const SCAN_RATIONS = { scanShare: 1 / 200, cheapScanNanos: 10_000_000 };
