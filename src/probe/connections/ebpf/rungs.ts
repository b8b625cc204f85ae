/**
 * The ladder of the eBPF source: what it does without when the kernel refuses some of its programs. Only the program on
 * state changes is indispensable: connections, their ends and counts are the same on every rung. A rung is named after
 * how live sockets are scanned for what no event reports. Readers, holders and destroyed sockets have programs of their
 * own, each refused by itself.
 *
 *   files     iterators over all open files, and over the sockets of namespaces that have some without a file
 *   sockets   an iterator over the sockets of each namespace that may be entered
 *   events    no scans
 */
import type { OptionalProgram, Refusal } from 'ebpf-bridge/ebpf';
import type { Coverage, Limit, Rung } from '../../records/coverage.js';

const FILES: readonly OptionalProgram[] = ['visit_files', 'confirm_holders', 'tell_holders'];

/** The programs that a rung goes without. */
export const WITHOUT: Readonly<Record<Rung, readonly OptionalProgram[]>> = {
  files: [],
  sockets: FILES,
  events: [...FILES, 'visit_namespace'],
};

/** What each is, for people. */
export const RUNG_TEXT: Readonly<Record<Rung, string>> = {
  files: 'live connections are visited through open files, and in namespaces where some belong to no file',
  sockets: 'live connections are visited namespace by namespace, where those may be entered',
  events: 'live connections are not visited: what they transfer is told when they end',
};

const LOST: Readonly<Record<OptionalProgram, string>> = {
  visit_files:
    'bytes of live connections in network namespaces that may not be entered are told when they end',
  visit_namespace:
    'bytes of connections that no process holds (not accepted yet, or left by it) are told when they end',
  confirm_holders:
    'connections older than the probe have no process, and sockets that changed hands are not found',
  tell_holders: 'who else holds a socket is not told',
  on_read: 'an accepted connection is its listener’s until its process closes it',
  on_mptcp_send:
    'an accepted MPTCP connection is its listener’s until a sweep finds its process, or that closes it',
  on_destroy: 'an end that the kernel did not tell of is found by the next visit only',
};

/** Without either way to scan live sockets. */
const LOST_VISITS = 'bytes and round-trip times are told when a connection ends, not while it lives';

/**
 * @param refusals of the tracker
 * @param limits what is not seen for other reasons
 */
export function coverageOf(refusals: readonly Refusal[], limits: readonly Limit[] = []): Coverage {
  const missing = new Set(refusals.map(({ program }) => program));
  const rung = !missing.has('visit_files') ? 'files' : !missing.has('visit_namespace') ? 'sockets' : 'events';
  const lostWith = (program: OptionalProgram): string => {
    if (rung === 'events' && (program === 'visit_files' || program === 'visit_namespace')) return LOST_VISITS;
    if (program === 'confirm_holders' && missing.has('visit_namespace'))
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
