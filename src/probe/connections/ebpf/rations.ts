/** How much processor time the tracker may take for what no event reports: scans of live sockets, sweeps over open files. */

/** Of the time between two sweeps, a sweep takes at most this share. */
export const SWEEP_SHARE = 1 / 400;

/**
 * Of the time between two snapshots that may defer it, the scan of live sockets takes at most this share, but always 10 ms.
 * A socket takes about a microsecond.
 */
export const SCAN_RATIONS = { visitShare: 1 / 200, cheapVisitNanos: 10_000_000 };
