/** Turns an error of a netlink socket or a file into the reason why conntrack can't be read. */
import { ProbeError, type ProbeErrorCode } from '../errors.js';

const EPERM = 1;
const ENOENT = 2;
const EACCES = 13;
const EINVAL = 22;
const EPROTONOSUPPORT = 93;
const EOPNOTSUPP = 95;

const DENIED = new Set<number | string>([EPERM, EACCES, 'EPERM', 'EACCES']);
const ABSENT = new Set<number | string>([ENOENT, EINVAL, EPROTONOSUPPORT, EOPNOTSUPP, 'ENOENT']);

/** @returns ProbeError CONNTRACK_… with why, and what to do */
export function conntrackErrorOf(cause: unknown): ProbeError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ProbeError(codeOf(cause), `cannot read connection tracking (${reason})`, { cause });
}

function codeOf(cause: unknown): ProbeErrorCode {
  const errno = errnoOf(cause);
  if (DENIED.has(errno)) return 'CONNTRACK_DENIED';
  return ABSENT.has(errno) ? 'CONNTRACK_ABSENT' : 'CONNTRACK_UNREADABLE';
}

/** A number from netlink, a name from Node. */
function errnoOf(cause: unknown): number | string {
  if (!(cause instanceof Error)) return 0;
  if ('errno' in cause && typeof cause.errno === 'number' && cause.errno > 0) return cause.errno;
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : 0;
}
