/**
 * One row of a report's `Flows`: what is known of the connections that share a client address, a server address and port,
 * and the process at each end, over the time that the report is about. The names are those on the wire, in JSON and in
 * MessagePack; Scope's readers ignore the key. A field that is absent is unknown.
 */

/** One end of a flow, as it really is: NAT is looked through. */
export interface FlowRowEnd {
  /** Empty at both ends: all the flows that there was no room for; the server's port is 0 then. */
  readonly address: string;
  /** Name of the host whose probe saw this end's socket. */
  readonly host?: string;
  readonly pid?: number;
  /** Start of the process in clock ticks after boot: field 22 of /proc/PID/stat. */
  readonly start?: number;
  /** Name of the process's program. */
  readonly name?: string;
}

export interface FlowRowServer extends FlowRowEnd {
  readonly port: number;
}

/** A client port and how many connections it stands for. */
export type FlowRowPort = readonly [port: number, standsFor: number];

export interface FlowRow {
  /** Empty for addresses that mean the same everywhere; else as in endpoint ids: `host` or `host-<netns inode>`. */
  readonly scope: string;
  readonly client: FlowRowEnd;
  readonly server: FlowRowServer;
  /** What the client dialled, `address:port` (IPv6 in brackets), where that is not the server's own. */
  readonly via?: string;
  /** Connections that existed at any time of the report: those that lived when it began, and those opened since. */
  readonly connections: number;
  readonly opened: number;
  readonly closed: number;
  /** As of the end of the report. */
  readonly live: number;
  /** Connects that failed, by reason. */
  readonly failed: Readonly<Record<string, number>>;
  /** Payload bytes, as the client sent and received them. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Segments, by both ends as far as they were seen. */
  readonly retransmits: number;
  /** Mean of the smoothed round-trip times of the live connections. */
  readonly rttMicros?: number;
  /** Mean time from SYN to established of the connections opened. */
  readonly connectMicros?: number;
  readonly evidence: {
    /** See `DirectionEvidence`, `PidEvidence`: `handshake`, `conntrack`, `listener-table`, `port-guess` … */
    readonly direction?: string;
    readonly clientProcess?: string;
    readonly serverProcess?: string;
    /** How the server behind `via` is known: `conntrack`. */
    readonly nat?: string;
  };
  /** True when the counts were distributed by a sample of the client ports. */
  readonly sampled?: boolean;
  readonly ports: readonly FlowRowPort[];
}
