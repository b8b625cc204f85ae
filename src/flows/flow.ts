/**
 * The flow: what one probe says about the connections that share a client address, a server address and port, and the
 * process at each end. Client ports are not part of what a flow is.
 *
 * Its numbers are absolute: totals since the probe began to state flows (its epoch), and gauges. A connection whose process,
 * direction or NAT becomes known later leaves one flow and joins another, so that a total may fall. The newest statement
 * wins; nothing is ever added up over statements.
 */

/** A process is a PID and its start; another process may get the PID later. */
export interface FlowProcess {
  readonly pid: number;
  /** Clock ticks after boot: field 22 of /proc/PID/stat. */
  readonly startTicks: number;
  /** Name of its program; empty when unknown. */
  readonly name: string;
}

/** One end of a flow, as it really is: NAT is looked through. */
export interface FlowEnd {
  /** Dotted IPv4, or IPv6 as RFC 5952 writes it. */
  readonly address: string;
  /** Absent when the socket is not on the probe's host, or its process is unknown. */
  readonly process?: FlowProcess | undefined;
  /** Name of a `PidEvidence`: how the process is known. */
  readonly evidence?: string | undefined;
  /** Whether the probe saw this end's socket: then the end is on the probe's host. */
  readonly isHere: boolean;
  /** Inode of the socket's network namespace; 0 unknown. */
  readonly netns: number;
  /**
   * What is rare, by the keys of Scope-form endpoints: `holder_pids`, `holder_pids_more`, `listener_pids`, `listener_pids_more`,
   * `last_listener_name`, `last_listener_listens`, `mptcp_subflows`.
   */
  readonly facts?: ReadonlyMap<string, string> | undefined;
}

/** What does not change while connections come and go. */
export interface FlowDefinition {
  /**
   * `ends`: connections of which this host has at least one end. `forwarded`: connections that this host only translates; they
   * join the statements of the two ends and are counted nowhere.
   */
  readonly kind: 'ends' | 'forwarded';
  /** Empty for addresses that mean the same everywhere; else as in endpoint ids: `host` or `host-<netns inode>`. */
  readonly scope: string;
  readonly client: FlowEnd;
  readonly server: FlowEnd & { readonly port: number };
  /** What the client dialled, `address:port` (IPv6 in brackets), where that is not the server's own; else empty. */
  readonly via: string;
  /** Forwarded flows: the client's address as the server sees it, where that is another one; else empty. */
  readonly clientVia: string;
  /** Name of a `DirectionEvidence`: the weakest of the connections. */
  readonly direction: string;
  /** How the ends behind NAT are known: `conntrack`; empty where there is no NAT. */
  readonly nat: string;
}

/** Places in `FlowNumbers`. */
export const Num = {
  /** Connections opened while the probe watched. */
  Opened: 0,
  /** Connections that were there before: known as living when the probe began, or found later without their beginning. */
  Adopted: 1,
  Closed: 2,
  /** Gauge: connections that live now. */
  Live: 3,
  /** Payload bytes since the probe knows of the connection, as the client sent and received them. */
  BytesSent: 4,
  BytesReceived: 5,
  /** Segments, by the ends that were seen. */
  Retransmits: 6,
  /** Time from SYN to established: sum in microseconds, and connections that it was measured of. */
  ConnectMicrosSum: 7,
  ConnectCount: 8,
  /** Gauge: smoothed round-trip times of the live connections: sum in microseconds, and how many have one. */
  RttMicrosSum: 9,
  RttCount: 10,
} as const;

export const NUMBERS = 11;

/** One number for each place of `Num`: whole, not negative, below 2^53. */
export type FlowNumbers = Float64Array;

/** Client ports of the connections that live or ended lately; they join what two probes state, and nothing else. */
export interface FlowPorts {
  /** Ports that are no multiple of it are left out. 1: the ports are whole; 0: none are stated. A power of three. */
  readonly modulus: number;
  /** Ascending, at most `PORTS_MAX`. */
  readonly ports: Uint16Array;
  /** How many connections each stands for: itself and those left out. */
  readonly standsFor: Uint32Array;
}

/** Client ports that one flow states. */
export const PORTS_MAX = 64;
export const NO_PORTS: FlowPorts = { modulus: 0, ports: new Uint16Array(0), standsFor: new Uint32Array(0) };

/** What changes. Not to be changed in place once it is handed out. */
export interface FlowState {
  readonly numbers: FlowNumbers;
  /** Connects that failed, by reason: totals. Those that wait for an answer are there under `no answer` meanwhile. */
  readonly failed: ReadonlyMap<string, number>;
  readonly ports: FlowPorts;
  /**
   * Forwarded flows of which the client's port is translated, too: the ports as the server sees them, one for each of
   * `ports.ports`, in the same places. Absent: the same ports.
   */
  readonly portPairs?: Uint16Array | undefined;
}

export const NO_FAILURES: ReadonlyMap<string, number> = new Map();
