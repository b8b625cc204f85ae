/**
 * The flat connection record: what every connection source produces and what grouping reads, by offset, from one
 * ArrayBuffer per snapshot. One record is one *socket* (one end of a connection), or a listener.
 *
 * The layout is `native/bpf/record.h`; the eBPF source compares the two when it loads.
 */

export const RECORD_BYTES = 144;

/** Byte offsets of the fields; u64 fields are aligned to 8, u32 to 4, u16 to 2. Little endian. */
export const OFFSET = {
  /** u64: identity of the socket within this boot (kernel socket cookie; a hash where the source has none). */
  socketId: 0,
  /** u64: CLOCK_MONOTONIC ns of the connect() or of the handshake's end on the accepting side; 0 unknown. */
  startNanos: 8,
  /** u64: ns of the transition to CLOSE; 0 while the socket lives. */
  endNanos: 16,
  /** u64: payload bytes the peer acknowledged. */
  bytesSent: 24,
  /** u64: payload bytes received. */
  bytesReceived: 32,
  /** 16 bytes: local address, IPv4 as IPv4-mapped (::ffff:a.b.c.d). */
  localAddress: 40,
  /** 16 bytes: remote address, same form. */
  remoteAddress: 56,
  /** u32: inode of the network namespace. */
  netns: 72,
  /** u32: process (tgid) that uses the socket; 0 unknown. */
  pid: 76,
  /** u32: smoothed RTT in microseconds; 0 unknown. */
  srttMicros: 80,
  /** u32: segments retransmitted over the socket's life. */
  retransmits: 84,
  /** u32: microseconds from SYN to ESTABLISHED on the connecting side; 0 unknown. */
  connectMicros: 88,
  /** u32: interface index when the address is link-local, else 0. */
  scopeId: 92,
  /** u16, host byte order. */
  localPort: 96,
  /** u16, host byte order. */
  remotePort: 98,
  /** u16: Linux errno of a failed connect or an aborted connection; 0 none. */
  errno: 100,
  /** u8: see `Direction`. */
  direction: 102,
  /** u8: TCP state (net/tcp_states.h): 1 ESTABLISHED, 2 SYN_SENT, 7 CLOSE, 10 LISTEN … */
  state: 103,
  /** u8: see `PidEvidence`. */
  pidEvidence: 104,
  /** u8: see `DirectionEvidence`. */
  directionEvidence: 105,
  /** u8: bit field, see `Flag`. */
  flags: 106,
  /* 107, 108 the eBPF source's own */
  /** u8: of an MPTCP connection, the subflows that joined its first. */
  subflows: 109,
  /* 110, 111 reserved, zero */
  /** u64: start of process `pid` (CLOCK_BOOTTIME ns; from /proc rounded down to a clock tick); 0 unknown. With the PID, what a process is. */
  pidStartNanos: 112,
  /** u32: process (tgid) of the listener an accepted socket came from; 0 unknown. */
  listenerPid: 120,
  /* 124 … 127 reserved, zero */
  /** 16 bytes: NUL-terminated name (comm) of process `pid` when it was noted; it may have exited since. Zero when unknown. */
  comm: 128,
} as const;

export const Direction = { Unknown: 0, Connected: 1, Accepted: 2, Listener: 3 } as const;

/** How `pid` is known, weakest first. */
export const PidEvidence = { None: 0, Listener: 1, TableScan: 2, Connect: 3, Close: 4, Use: 5 } as const;

/** How `direction` is known, weakest first; the handshake was seen, or is told by the socket's counts of bytes. */
export const DirectionEvidence = {
  None: 0,
  PortGuess: 1,
  ListenerTable: 2,
  Conntrack: 3,
  Handshake: 4,
} as const;

export const Flag = {
  /** The handshake was completed; without it a closed record is a failed connect. */
  Established: 1,
  /** Existed before the source started. */
  Seeded: 2,
  /** An earlier batch had it already. No source sets this: it is added where batches are made. */
  Reported: 4,
  /** An MPTCP connection; the record is of its first subflow, with the bytes of all. */
  Mptcp: 8,
  /** A connect that has waited for an answer for a while. No source sets this either. */
  Unanswered: 32,
  /** It began and ended between two snapshots: no other record tells of its socket. A source need not tell. */
  Brief: 64,
} as const;

export const TcpState = {
  Established: 1,
  SynSent: 2,
  SynRecv: 3,
  FinWait1: 4,
  FinWait2: 5,
  TimeWait: 6,
  Close: 7,
  CloseWait: 8,
  LastAck: 9,
  Listen: 10,
  Closing: 11,
} as const;
