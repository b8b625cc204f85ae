/**
 * Asks a socket for a whole table of the kernel. The socket is taken by its interface: opening one needs the addon
 * (`ebpf-bridge/netlink`), and this package has no I/O of its own, so that its parsers run on any bytes.
 */
import { NetlinkError, type Attempt } from './errors.js';
import type { AnswerState } from './messages.js';

/** What a netlink socket must be able to do; those of `ebpf-bridge/netlink` can. */
export interface RequestSocket {
  send(request: Uint8Array): Promise<void>;
  /** Takes what is waiting and never waits for more. */
  receive(maxBytes: number): Promise<{
    readonly data: ArrayBuffer;
    /** How often messages were lost because the socket's buffer was full. */
    readonly overruns: number;
    /** Nothing is left. */
    readonly drained: boolean;
  }>;
}

export interface DumpBounds {
  /** Bytes of one read. */
  readonly readBytes: number;
  /** Bytes of the whole answer. */
  readonly answerBytes: number;
}

/**
 * Sends a request for a dump and hands the answer to `read`, part by part, to its end.
 * @returns false when entries may be missing, because the table changed meanwhile or messages were lost: dump again
 * @throws NetlinkError NO_END when the answer stops, or grows beyond its bound, before its end; what `read` throws; an Error
 * with `errno` when the kernel does not let the socket send or receive
 */
export async function dump(
  socket: RequestSocket,
  request: Uint8Array,
  { readBytes, answerBytes }: DumpBounds,
  attempt: Attempt,
  read: (part: Uint8Array) => AnswerState,
): Promise<boolean> {
  await socket.send(request);
  let isWhole = true;
  let bytes = 0;
  for (;;) {
    const { data, overruns, drained } = await socket.receive(readBytes);
    bytes += data.byteLength;
    const { done, interrupted, overrun } = read(new Uint8Array(data));
    if (interrupted || overrun || overruns > 0) isWhole = false;
    if (done) return isWhole;
    // After a loss the end may be among what was lost.
    if (drained && !isWhole) return false;
    if (drained || bytes > answerBytes) throw NetlinkError.noEnd(bytes, attempt);
  }
}
