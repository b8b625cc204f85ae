export { AddonUnavailableError, type AddonUnavailableCode } from '../errors.js';

export interface NetlinkOptions {
  /** NETLINK_SOCK_DIAG (4), NETLINK_NETFILTER (12) … */
  readonly protocol: number;
  /** Multicast groups to join. */
  readonly groups?: readonly number[];
  /** A namespace file such as /proc/1/ns/net, which needs CAP_SYS_ADMIN. Default: the caller's own namespace. */
  readonly netnsPath?: string;
  /** Size of the receive buffer. Default: the system's. */
  readonly receiveBytes?: number;
  /** Classic BPF instructions (struct sock_filter, 8 bytes each) that run on each message before it is queued. */
  readonly filter?: Uint8Array;
}

export interface NetlinkBatch {
  /** Whole datagrams one after the other; empty when nothing was waiting. */
  readonly data: ArrayBuffer;
  /** How often the kernel reported (ENOBUFS) that messages were lost because the buffer was full. */
  readonly overruns: number;
  /** Nothing is left; false: `maxBytes` was reached. */
  readonly drained: boolean;
}

/**
 * A netlink socket. It keeps its network namespace alive: close it after the namespace's last process has ended. All
 * methods run on the thread pool and reject with an Error that carries `errno` if the kernel refuses.
 */
export interface NetlinkSocket {
  /** Sends one request. The kernel makes the answer to a dump while it is received. */
  send(request: Uint8Array): Promise<void>;
  /** Takes the waiting datagrams and never waits for more. @param maxBytes at least 64 KiB */
  receive(maxBytes: number): Promise<NetlinkBatch>;
  /** Idempotent. */
  close(): Promise<void>;
}

/**
 * @throws AddonUnavailableError without the addon
 * @throws RangeError for options out of range
 */
export function openNetlink(options: NetlinkOptions): Promise<NetlinkSocket>;

/** For each socket whether `receive` would find messages, or a report of their loss: one system call for all. */
export function netlinkReady(sockets: readonly NetlinkSocket[]): Promise<boolean[]>;
