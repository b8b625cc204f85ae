/**
 * Netlink messages in a buffer (`struct nlmsghdr`, linux/netlink.h): requests are written, answers and events are walked.
 * Headers are in the machine's byte order, which is little endian wherever this runs.
 */
import { NetlinkError, type Attempt } from './errors.js';

/** Kernel subsystems (NETLINK_*) that a socket can be opened for. */
export const NetlinkProtocol = { Route: 0, SockDiag: 4, Netfilter: 12 } as const;

/** Flags of a request (NLM_F_*). */
export const RequestFlag = { Request: 0x001, Dump: 0x300 } as const;

const HEADER_BYTES = 16;
const AT = { length: 0, type: 4, flags: 6 } as const;
/** Message types of netlink itself; those of subsystems begin at `FirstOther`. */
const NLMSG = { Error: 2, Done: 3, Overrun: 4, FirstOther: 16 } as const;
/** NLM_F_DUMP_INTR: the table changed under the dump, so entries may be missing. */
const DUMP_INTERRUPTED = 0x10;

/** What the messages of a buffer say about the answer that they are part of. */
export interface AnswerState {
  /** The end of a dump's answer is in this buffer. */
  done: boolean;
  /** The kernel says that this dump lacks entries, or has some twice, because the table changed meanwhile: dump again. */
  interrupted: boolean;
  /** Messages were lost before this buffer: dump again. */
  overrun: boolean;
}

/** A message of a subsystem: its header is read, its payload lies between two offsets of the buffer. */
export type OnMessage = (type: number, from: number, to: number) => void;

/** Writes one request. @param flags `RequestFlag` bits */
export function netlinkRequest(type: number, flags: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(AT.length, bytes.length, true);
  view.setUint16(AT.type, type, true);
  view.setUint16(AT.flags, flags, true);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/**
 * Walks the messages of a buffer, as a socket's `receive` returns it, and calls `onMessage` for each of a subsystem.
 * @throws NetlinkError BAD_FRAMING when lengths contradict each other, REFUSED when the kernel answers with an error; the
 * messages before that have been handed on
 */
export function readMessages(view: DataView, attempt: Attempt, onMessage: OnMessage): AnswerState {
  const state: AnswerState = { done: false, interrupted: false, overrun: false };
  const total = view.byteLength;
  let at = 0;
  while (at + HEADER_BYTES <= total) {
    const length = view.getUint32(at + AT.length, true);
    const type = view.getUint16(at + AT.type, true);
    if (length < HEADER_BYTES || at + length > total)
      throw NetlinkError.badFraming(at, length, total, attempt);
    if ((view.getUint16(at + AT.flags, true) & DUMP_INTERRUPTED) !== 0) state.interrupted = true;
    if (type === NLMSG.Done) state.done = true;
    else if (type === NLMSG.Overrun) state.overrun = true;
    else if (type === NLMSG.Error) throwIfRefused(view, at, length, attempt);
    else if (type >= NLMSG.FirstOther) onMessage(type, at + HEADER_BYTES, at + length);
    at += (length + 3) & ~3;
  }
  if (at < total) throw NetlinkError.badFraming(at, total - at, total, attempt);
  return state;
}

/** An error message with errno 0 is an acknowledgement. */
function throwIfRefused(view: DataView, at: number, length: number, attempt: Attempt): void {
  const errno = length >= HEADER_BYTES + 4 ? -view.getInt32(at + HEADER_BYTES, true) : 0;
  if (errno !== 0) throw NetlinkError.refused(at, errno, attempt);
}

/** The view that `readMessages` and `Attributes` want. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
