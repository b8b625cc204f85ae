/**
 * The ladder of the eBPF source: what is lost when the kernel refuses some of its programs. Only the program on state
 * changes is indispensable: connections, their ends and counts are the same on every rung. A rung is named by how live
 * sockets are scanned for what no event reports. Programs on reads, fd holders and destroyed sockets are refused each by
 * itself, on any rung.
 *
 *   files     iterators over all open files, and over the sockets of namespaces that have some without a file
 *   sockets   an iterator over the sockets of each namespace that may be entered
 *   events    no scans
 */
import type { OptionalProgram, Refusal } from 'ebpf-bridge/ebpf';
import type { Coverage, Limit, Rung } from '../../records/coverage.js';

const FILES: readonly OptionalProgram[] = ['scan_files', 'sweep_adopt', 'sweep_holders'];

/** The programs that a rung does without. */
export const WITHOUT: Readonly<Record<Rung, readonly OptionalProgram[]>> = {
  files: [],
  sockets: FILES,
  events: [...FILES, 'scan_namespace'],
};

/** Each rung, for people. */
export const RUNG_TEXT: Readonly<Record<Rung, string>> = {
  files: 'live connections are scanned through open files, and in namespaces where some belong to no file',
  sockets: 'live connections are scanned namespace by namespace, where those may be entered',
  events: 'live connections are not scanned: what they transfer is reported when they end',
};

const LOST: Readonly<Record<OptionalProgram, string>> = {
  scan_files:
    'bytes of live connections in network namespaces that may not be entered are reported when they end',
  scan_namespace:
    'bytes of connections that no process holds (not accepted yet, or left by it) are reported when they end',
  sweep_adopt:
    'connections older than the probe have no process, and sockets that changed hands are not found',
  sweep_holders: 'other processes that hold a socket are not reported',
  on_read: 'an accepted connection is its listener’s until its process closes it',
  on_mptcp_send:
    'an accepted MPTCP connection is its listener’s until a sweep finds its process, or that closes it',
  on_destroy: 'an end that the kernel did not report is found by the next scan only',
};

/** Lost without either way to scan live sockets. */
const LOST_SCANS = 'bytes and round-trip times are reported when a connection ends, not while it lives';

/**
 * @param refusals of the tracker
 * @param limits what is not seen for other reasons
 */
export function coverageOf(refusals: readonly Refusal[], limits: readonly Limit[] = []): Coverage {
  const missing = new Set(refusals.map(({ program }) => program));
  const rung = !missing.has('scan_files') ? 'files' : !missing.has('scan_namespace') ? 'sockets' : 'events';
  const lostWith = (program: OptionalProgram): string => {
    if (rung === 'events' && (program === 'scan_files' || program === 'scan_namespace')) return LOST_SCANS;
    if (program === 'sweep_adopt' && missing.has('scan_namespace'))
      return 'connections older than the probe are not known until they end, and sockets that changed hands are not found';
    return LOST[program];
  };
  const blind = refusals.map(({ program, section, reason }) => ({
    program,
    section,
    reason,
    lost: lostWith(program),
  }));
  return { rung, blind, limits };
}
