/** What can be wrong with conntrack data: a stable code, what was attempted, what to do. */

export type ConntrackParseErrorCode =
  /** The lengths in a buffer of netlink messages contradict each other: nothing after that point can be trusted. */
  | 'BAD_FRAMING'
  /** The kernel answered a request with an error; `errno` says which. */
  | 'REFUSED';

export class ConntrackParseError extends Error {
  override readonly name = 'ConntrackParseError';

  constructor(
    readonly code: ConntrackParseErrorCode,
    message: string,
    /** Linux errno (positive) of a REFUSED request, else 0. */
    readonly errno = 0,
  ) {
    super(message);
  }
}
