/**
 * The flow: the connections of one probe that share a client address, a server address and port, and the process at each
 * end. Client ports are not part of a flow's key.
 *
 * Its numbers are absolute: totals since the probe began to state flows (its epoch), and gauges. If a connection's process,
 * direction or NAT becomes known later, the connection moves to another flow, so a total may fall. The newest statement
 * wins; numbers are never added up over statements.
 */

/** A process is a PID and its start, as PIDs are reused. */
export interface FlowProcess {
  readonly pid: number;
  /** Clock ticks after boot: field 22 of /proc/PID/stat. */
  readonly startTicks: number;
  /** Name of its program; empty when unknown. */
  readonly name: string;
}

/** One end of a flow, behind all NAT. */
export interface FlowEnd {
  /** Dotted IPv4, or IPv6 as RFC 5952 writes it. */
  readonly address: string;
  /** Absent if the socket is not on the probe's host, or its process is unknown. */
  readonly process?: FlowProcess | undefined;
  /** Name of a `PidEvidence`: how the process is known. */
  readonly evidence?: string | undefined;
  /** Whether the probe saw this end's socket, so that the end is on its host. */
  readonly isHere: boolean;
  /** Inode of the socket's network namespace; 0 unknown. */
  readonly netns: number;
  /**
   * Rare facts, by the keys of Scope-form endpoints: `holder_pids`, `holder_pids_more`, `listener_pids`,
   * `listener_pids_more`, `last_listener_name`, `last_listener_listens`, `mptcp_subflows`.
   */
  readonly facts?: ReadonlyMap<string, string> | undefined;
}

/** Does not change while connections come and go. */
export interface FlowDefinition {
  /**
   * `ends`: this host has at least one end of the connections. `forwarded`: this host only translates the connections; such
   * a flow joins the statements of the two ends' hosts and is counted nowhere.
   */
  readonly kind: 'ends' | 'forwarded';
  /** Empty for global addresses; else as in endpoint ids: `host` or `host-<netns inode>`. */
  readonly scope: string;
  readonly client: FlowEnd;
  readonly server: FlowEnd & { readonly port: number };
  /** The dialled `address:port` (IPv6 in brackets) if it is not the server's own; else empty. */
  readonly via: string;
  /** Forwarded flows: the client's address as the server sees it, if it is another one; else empty. */
  readonly clientVia: string;
  /** Name of a `DirectionEvidence`: the weakest of the connections. */
  readonly direction: string;
  /** How the ends behind NAT are known: `conntrack`; empty without NAT. */
  readonly nat: string;
}

/** Places in `FlowNumbers`. */
export const Num = {
  /** Connections opened while the probe watched. */
  Opened: 0,
  /** Older connections: they lived when the probe began, or were found later without a beginning. */
  Adopted: 1,
  Closed: 2,
  /** Gauge: connections that live now. */
  Live: 3,
  /** Payload bytes since the probe knows of the connection, as the client sent and received them. */
  BytesSent: 4,
  BytesReceived: 5,
  /** Segments, by the ends that were seen. */
  Retransmits: 6,
  /** Time from SYN to established: sum in microseconds, and number of measured connections. */
  ConnectMicrosSum: 7,
  ConnectCount: 8,
  /** Gauge: smoothed round-trip times of live connections: sum in microseconds, and number of measured connections. */
  RttMicrosSum: 9,
  RttCount: 10,
} as const;

export const NUMBERS = 11;

/** One number for each place of `Num`: whole, not negative, below 2^53. */
export type FlowNumbers = Float64Array;

/** Client ports of connections that live or ended lately. They only join the statements of two probes. */
export interface FlowPorts {
  /** A power of three; only its multiples are stated. 1: all ports are stated; 0: none. */
  readonly modulus: number;
  /** Ascending, at most `PORTS_MAX`. */
  readonly ports: Uint16Array;
  /** How many connections each port represents: its own and those left out. */
  readonly standsFor: Uint32Array;
}

/** The most client ports that one flow states. */
export const PORTS_MAX = 64;
export const NO_PORTS: FlowPorts = { modulus: 0, ports: new Uint16Array(0), standsFor: new Uint32Array(0) };

/** Changes with its connections. Don't write to it once it is handed out. */
export interface FlowState {
  readonly numbers: FlowNumbers;
  /** Failed connects by reason: totals. Connects that wait for an answer are under `no answer` meanwhile. */
  readonly failed: ReadonlyMap<string, number>;
  readonly ports: FlowPorts;
  /**
   * Forwarded flows whose client port is translated too: the port that the server sees, for each of `ports.ports` in the
   * same place. Absent: the same ports.
   */
  readonly portPairs?: Uint16Array | undefined;
}

export const NO_FAILURES: ReadonlyMap<string, number> = new Map();
