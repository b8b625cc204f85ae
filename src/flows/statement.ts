/**
 * A statement: all changes of one probe's state since `base`, the last `seq` that the app confirmed. It is absolute: state
 * `base` and the statement make state `seq`, and applying it twice does no harm.
 */
import type { DnsNames, Metric, Node, TopologyKey, Topology } from '../report/model/model.js';
import type { FlowDefinition, FlowState } from './flow.js';

export const STATEMENT_VERSION = 1;

/** A flow by its id, which no other flow gets in the epoch. */
export interface StatedFlow {
  readonly id: number;
  /** Absent when it did not change since `base`. */
  readonly definition?: FlowDefinition | undefined;
  /** Absent when it did not change since `base`. */
  readonly state?: FlowState | undefined;
}

/** Facts of one topology. */
export interface StatedFacts {
  /** Nodes that changed since `base`, whole. */
  readonly nodes: ReadonlyMap<string, Node>;
  /**
   * By node id, metrics of nodes where only metrics changed since `base`: they replace all metrics of the node. Absent:
   * there are none.
   */
  readonly metrics?: ReadonlyMap<string, ReadonlyMap<string, Metric>> | undefined;
  /** Ids of removed nodes. */
  readonly gone: readonly string[];
  /** Templates, shape and labels, when they changed since `base`. */
  readonly frame?: Omit<Topology, 'nodes'> | undefined;
}

export interface Statement {
  readonly version: number;
  /** Random per probe process. */
  readonly probe: string;
  /** Start of the probe, milliseconds since 1970: larger after each start. Numbers and ids are valid within one epoch. */
  readonly epoch: number;
  /** Counts the probe's states; 1 or more. */
  readonly seq: number;
  /** 0: the statement is whole, and nothing else exists. */
  readonly base: number;
  readonly host: string;
  /** When the state was taken, milliseconds since 1970 by the probe's clock. */
  readonly atMs: number;
  readonly intervalMs: number;
  /** Ids ascending. */
  readonly flows: readonly StatedFlow[];
  /**
   * Ids of flows that are stated no longer, ascending. Their last statement is valid for the rest of the window. A flow
   * whose connections all moved to others is stated with zeros first.
   */
  readonly gone: readonly number[];
  readonly facts: ReadonlyMap<TopologyKey, StatedFacts>;
  /** Addresses whose names changed since `base`; empty: no names any more. */
  readonly dns: ReadonlyMap<string, DnsNames>;
  readonly sampling?: { readonly count: number; readonly total: number } | undefined;
}
