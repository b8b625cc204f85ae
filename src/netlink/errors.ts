/** What can be wrong with netlink messages: a stable code, what was attempted, what to do. */

export type NetlinkErrorCode =
  /** The lengths in a buffer of messages contradict each other: nothing after `offset` can be trusted. */
  | 'BAD_FRAMING'
  /** The kernel answered a request with an error; `errno` says which. */
  | 'REFUSED'
  /** The answer to a dump stopped, or grew beyond its bound, before its end. */
  | 'NO_END';

/** For the text of an error. */
export interface Attempt {
  /** Reads after "to": `list sockets`. */
  readonly attempted: string;
  /** What to do, or what is done instead. */
  readonly advice: string;
}

export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';

  private constructor(
    readonly code: NetlinkErrorCode,
    message: string,
    /** Byte of the buffer that the faulty message begins at; of NO_END, how many bytes there were. */
    readonly offset: number,
    /** Linux errno (positive) of a REFUSED request, else 0. */
    readonly errno: number,
  ) {
    super(message);
  }

  static badFraming(
    offset: number,
    claimedBytes: number,
    totalBytes: number,
    { attempted, advice }: Attempt,
  ): NetlinkError {
    const fault = `a message at byte ${offset} claims ${claimedBytes} bytes of a buffer of ${totalBytes}`;
    return new NetlinkError(
      'BAD_FRAMING',
      `could not ${attempted} by netlink (${fault}): ${advice}`,
      offset,
      0,
    );
  }

  static refused(offset: number, errno: number, { attempted, advice }: Attempt): NetlinkError {
    const message = `the kernel refused to ${attempted} by netlink (errno ${errno}): ${advice}`;
    return new NetlinkError('REFUSED', message, offset, errno);
  }

  static noEnd(bytes: number, { attempted, advice }: Attempt): NetlinkError {
    const message = `could not ${attempted} by netlink (the answer has no end after ${bytes} bytes): ${advice}`;
    return new NetlinkError('NO_END', message, bytes, 0);
  }
}
