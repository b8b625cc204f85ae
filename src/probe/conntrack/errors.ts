/** Why connection tracking can't be read: a stable code, what was attempted, what to do. */
import { descriptorShortage } from '../descriptors.js';

export type ConntrackErrorCode =
  /** The kernel has no connection tracking, or its netlink part is not loaded. */
  | 'NOT_LOADED'
  /** Reading it needs CAP_NET_ADMIN. */
  | 'NO_PERMISSION'
  /** No file can be opened any more. */
  | 'NO_DESCRIPTORS'
  /** Anything else the kernel refused. */
  | 'REFUSED';

export class ConntrackError extends Error {
  override readonly name = 'ConntrackError';

  constructor(
    readonly code: ConntrackErrorCode,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
  }
}

const EPERM = 1;
const ENOENT = 2;
const EACCES = 13;
const EINVAL = 22;
const EPROTONOSUPPORT = 93;
const EOPNOTSUPP = 95;

const PERMISSION = new Set<number | string>([EPERM, EACCES, 'EPERM', 'EACCES']);
const ABSENT = new Set<number | string>([ENOENT, EINVAL, EPROTONOSUPPORT, EOPNOTSUPP, 'ENOENT']);

/** The typed form of whatever a netlink socket or a file failed with. */
export function conntrackErrorOf(cause: unknown): ConntrackError {
  if (cause instanceof ConntrackError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const shortage = descriptorShortage(cause);
  if (shortage !== undefined)
    return new ConntrackError('NO_DESCRIPTORS', `could not read connection tracking: ${shortage}`, { cause });
  const errno = errnoOf(cause);
  if (PERMISSION.has(errno)) {
    const message = `could not read connection tracking (${reason}): give the probe CAP_NET_ADMIN and CAP_SYS_ADMIN, or run it as root`;
    return new ConntrackError('NO_PERMISSION', message, { cause });
  }
  if (ABSENT.has(errno)) {
    const message = `could not read connection tracking (${reason}): load nf_conntrack and nf_conntrack_netlink if this host translates addresses`;
    return new ConntrackError('NOT_LOADED', message, { cause });
  }
  return new ConntrackError('REFUSED', `could not read connection tracking: ${reason}`, { cause });
}

function errnoOf(cause: unknown): number | string {
  if (!(cause instanceof Error)) return 0;
  if ('errno' in cause && typeof cause.errno === 'number' && cause.errno > 0) return cause.errno;
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : 0;
}
