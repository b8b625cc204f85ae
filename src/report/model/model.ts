/**
 * The report as typed plain data: what one probe saw in one publish interval, or what the app merged from many.
 *
 * It is Weave Scope's model. Maps, not objects, hold everything keyed by outside text, so that a hostile key
 * (`__proto__`) is only a key. A field that is absent means "empty": most nodes carry only a few of them.
 * Values are treated as immutable once they are in a report; merging shares them.
 */
import type { FlowRow } from './flow-row.js';

/** An instant to the nanosecond with its zone, as Go's binary time carries it. Shared by identity where possible. */
export interface Timestamp {
  /** Seconds since 1970-01-01 UTC; year 1 (Go's zero time) is -62135596800. */
  readonly unixSeconds: number;
  /** 0 … 999,999,999 */
  readonly nanos: number;
  /** Offset from UTC in minutes; -1 is Go's marker for UTC itself. */
  readonly zoneMinutes: number;
}

/** A fact that is replaced by a later one. */
export interface Latest {
  readonly timestamp: Timestamp;
  readonly value: string;
}

export interface Sample {
  readonly date: Timestamp;
  readonly value: number;
}

export interface Metric {
  /** In order of time. */
  readonly samples: readonly Sample[];
  readonly min: number;
  readonly max: number;
}

export interface Node {
  readonly id: string;
  /** Lower-case Scope name of the topology: `endpoint`, `process`, `host`, … */
  readonly topology: string;
  readonly latest?: ReadonlyMap<string, Latest>;
  /** Sorted, without repeats. */
  readonly sets?: ReadonlyMap<string, readonly string[]>;
  /** Ids of the nodes this one opens connections to; sorted, without repeats. */
  readonly adjacency?: readonly string[];
  readonly metrics?: ReadonlyMap<string, Metric>;
  /** Topology name → ids; sorted, without repeats. */
  readonly parents?: ReadonlyMap<string, readonly string[]>;
  readonly children?: readonly Node[];
}

export interface MetadataTemplate {
  readonly id: string;
  readonly label?: string;
  readonly truncate?: number;
  readonly dataType?: string;
  readonly priority?: number;
  readonly from?: string;
}

export interface MetricTemplate {
  readonly id: string;
  readonly label?: string;
  readonly format?: string;
  readonly group?: string;
  readonly priority?: number;
}

export interface TableTemplate {
  readonly id: string;
  readonly label?: string;
  readonly prefix?: string;
  readonly type?: string;
  readonly columns?: readonly { readonly id: string; readonly label?: string; readonly dataType?: string }[];
  readonly fixedRows?: ReadonlyMap<string, string>;
}

/** The report's topologies by their key on the wire. */
export const TOPOLOGY_KEYS = [
  'Endpoint',
  'Process',
  'Container',
  'ContainerImage',
  'Pod',
  'Service',
  'Deployment',
  'ReplicaSet',
  'DaemonSet',
  'StatefulSet',
  'CronJob',
  'Job',
  'Namespace',
  'Host',
  'Overlay',
  'ECSTask',
  'ECSService',
  'SwarmService',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'StorageClass',
  'VolumeSnapshot',
  'VolumeSnapshotData',
] as const;
export type TopologyKey = (typeof TOPOLOGY_KEYS)[number];

export interface Topology {
  readonly shape?: string;
  readonly tag?: string;
  readonly label?: string;
  readonly labelPlural?: string;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly metadataTemplates?: ReadonlyMap<string, MetadataTemplate>;
  readonly metricTemplates?: ReadonlyMap<string, MetricTemplate>;
  readonly tableTemplates?: ReadonlyMap<string, TableTemplate>;
  /** Kept only to be passed on: nothing here fills or reads controls. Plain decoded data. */
  readonly controls?: ReadonlyMap<string, unknown>;
}

/** The names known for one address; both sorted, without repeats. */
export interface DnsNames {
  /** Learnt by watching look-ups. */
  readonly forward?: readonly string[];
  /** Learnt by asking for the address. */
  readonly reverse?: readonly string[];
}

export interface Report {
  readonly id: string;
  readonly timestamp?: Timestamp;
  readonly topologies: ReadonlyMap<TopologyKey, Topology>;
  readonly dns: ReadonlyMap<string, DnsNames>;
  /** How many packets (Scope: of `total`) were looked at; connections here. */
  readonly sampling?: { readonly count: number; readonly total: number };
  /** Nanoseconds covered. */
  readonly windowNanos?: number;
  /** Show at once, do not wait for the next tick. */
  readonly shortcut?: boolean;
  readonly plugins?: readonly unknown[];
  /** Ours alone: the exact rows that the endpoints stand for. Scope's readers ignore them. */
  readonly flows?: readonly FlowRow[];
}
