/**
 * A statement: everything that one probe has to say that changed since `base`, the last `seq` that the app confirmed. It is
 * absolute: whoever has state `base` and takes it in has state `seq`, and taking it in twice does no harm.
 */
import type { DnsNames, Metric, Node, TopologyKey, Topology } from '../report/model/model.js';
import type { FlowDefinition, FlowState } from './flow.js';

export const STATEMENT_VERSION = 1;

/** A flow by its number, which stays the flow's for the epoch and is given to no other. */
export interface StatedFlow {
  readonly id: number;
  /** Absent when it did not change since `base`. */
  readonly definition?: FlowDefinition | undefined;
  /** Absent when it did not change since `base`. */
  readonly state?: FlowState | undefined;
}

/** Facts of one topology. */
export interface StatedFacts {
  /** Nodes of which anything changed since `base`, whole. */
  readonly nodes: ReadonlyMap<string, Node>;
  /**
   * Metrics of nodes of which nothing else changed since `base`, by node id: they replace all metrics of the node. Absent:
   * there are none.
   */
  readonly metrics?: ReadonlyMap<string, ReadonlyMap<string, Metric>> | undefined;
  /** Ids of nodes that are no more. */
  readonly gone: readonly string[];
  /** Templates, shape and labels, when they changed since `base`. */
  readonly frame?: Omit<Topology, 'nodes'> | undefined;
}

export interface Statement {
  readonly version: number;
  /** Random per probe process. */
  readonly probe: string;
  /** Grows from one start of the probe to the next; numbers and ids mean something within one epoch. Milliseconds since 1970. */
  readonly epoch: number;
  /** Counts the probe's states; 1 or more. */
  readonly seq: number;
  /** 0: the statement is whole, and what it does not name is not there. */
  readonly base: number;
  readonly host: string;
  /** When the state was taken, milliseconds since 1970 by the probe's clock. */
  readonly atMs: number;
  readonly intervalMs: number;
  /** Ids ascending. */
  readonly flows: readonly StatedFlow[];
  /**
   * Ids of flows that are stated no longer, ascending. What was stated of them last holds for the rest of the window: a flow
   * that all connections left for others is stated with zeros before it goes.
   */
  readonly gone: readonly number[];
  readonly facts: ReadonlyMap<TopologyKey, StatedFacts>;
  /** Addresses of which the names changed since `base`; empty names: none any more. */
  readonly dns: ReadonlyMap<string, DnsNames>;
  readonly sampling?: { readonly count: number; readonly total: number } | undefined;
}
