/**
 * A flow of the whole fleet: what the probes at its two ends state of it, joined. Views are made from these and from nothing
 * else that is known of connections.
 */
import type { FlowProcess } from '../../flows/flow.js';
import type { FlowActivity } from '../../flows/window.js';

/** One end. The same object stands for the same end in all flows of one moment, and from moment to moment while it is the same. */
export interface JoinedEnd {
  /** Empty for addresses that mean the same everywhere. */
  readonly scope: string;
  readonly address: string;
  /** 0 for a client. */
  readonly port: number;
  /** Name of the host whose probe saw this end's socket; undefined when no probe did. */
  readonly host: string | undefined;
  readonly process: FlowProcess | undefined;
  /** Name of a `PidEvidence`. */
  readonly evidence: string | undefined;
  /** Two networks have this address, and nothing tells which one is meant. */
  readonly isAmbiguous: boolean;
  readonly facts: ReadonlyMap<string, string> | undefined;
}

export interface JoinedFlow {
  readonly client: JoinedEnd;
  readonly server: JoinedEnd;
  /** What the client dialled, `address:port`, where that is not the server's own; else empty. */
  readonly via: string;
  /** Over the window: by the client's host where it states the flow, else by the server's. */
  readonly activity: FlowActivity;
  /** The same by the count of each end's host, where it states the flow. Both ends on one host: the same object. */
  readonly byClient: FlowActivity | undefined;
  readonly byServer: FlowActivity | undefined;
  /** Time that the differences are over, milliseconds: what rates are made from; 0 when there is one statement only. */
  readonly spanMs: number;
  /** Failed connects by reason. */
  readonly failures: ReadonlyMap<string, number>;
  /** Name of a `DirectionEvidence`. */
  readonly direction: string;
  /** How what is behind `via` is known; empty where there is no NAT. */
  readonly nat: string;
  /** The counts were distributed by a sample of the client ports. */
  readonly isSampled: boolean;
  /** Ports of the clients, with the connections that each stands for. */
  readonly ports: readonly (readonly [port: number, standsFor: number])[];
}
