/**
 * A statement on the wire: one MessagePack map. Its head is under names. The columns are under numbers, each a bin of LEB128
 * varints if not noted otherwise. A column of usual values only (0 if not noted otherwise) is left out. A number never gets
 * another meaning; a reader skips unknown numbers.
 */

export const HEAD = {
  version: 'version',
  probe: 'probe',
  epoch: 'epoch',
  seq: 'seq',
  base: 'base',
  host: 'host',
  atMs: 'at',
  intervalMs: 'interval',
  samplingCount: 'sampled',
  samplingTotal: 'of',
} as const;

export const Field = {
  // The dictionary. Text 0 is empty and process 0 is none; neither is listed.
  /** All texts in one, as UTF-8. */
  Texts: 0,
  TextBytes: 1,
  /** Seconds since 1970, each as the difference from the one before, zigzag. */
  TimeSeconds: 2,
  TimeNanos: 3,
  /** Minutes from UTC, zigzag. Usual: UTC. */
  TimeZones: 4,
  /** Float64, little-endian. */
  Measurements: 5,
  ProcessPids: 6,
  ProcessStarts: 7,
  ProcessNames: 8,

  // One row for each flow, ids as differences.
  FlowIds: 9,
  /** Bits: 1 there is a definition, 2 there is no state. */
  FlowParts: 10,

  // One row for each flow with a state. The numbers are in the order of `Num`.
  Numbers: 11,
  FailureCounts: 22,
  /** Usual: 1. */
  PortModuli: 23,
  PortCounts: 24,

  // One row for each reason of a flow.
  FailureReasons: 25,
  Failures: 26,

  // One row for each port of a flow, ascending, as differences within the flow.
  Ports: 27,
  /** Usual: 1. */
  PortsStandFor: 28,

  // One row for each flow with a definition.
  ClientAddresses: 29,
  ServerAddresses: 30,
  ServerPorts: 31,
  /** Bits: 1 forwarded, 2 the client is here, 4 the server is here. */
  Kinds: 32,
  Scopes: 33,
  Vias: 34,
  ClientVias: 35,
  Directions: 36,
  Nats: 37,
  ClientProcesses: 38,
  ServerProcesses: 39,
  ClientEvidences: 40,
  ServerEvidences: 41,
  ClientNetns: 42,
  ServerNetns: 43,
  ClientFactCounts: 44,
  ServerFactCounts: 45,

  // One row for each fact of an end: the client's, then the server's.
  EndFactKeys: 46,
  EndFactValues: 47,

  /** As differences. */
  GoneFlows: 48,

  // One row for each topology.
  TopologyKeys: 49,
  TopologyNodes: 50,
  TopologyGone: 51,
  /** 1: its frame is among `Frames`. */
  TopologyFramed: 52,
  /** Ids of nodes. */
  GoneNodes: 53,
  /** Not a column: a report as MessagePack whose topologies have no nodes. */
  Frames: 54,

  // One row for each node, children behind their parent.
  NodeIds: 55,
  NodeTopologies: 56,
  NodeFacts: 57,
  NodeSets: 58,
  NodeAdjacencies: 59,
  NodeMetrics: 60,
  NodeParents: 61,
  NodeChildren: 62,

  // One row for each fact of a node.
  FactKeys: 63,
  FactValues: 64,
  FactTimes: 65,

  // Sets, then parents: one row for each set of texts.
  SetKeys: 66,
  SetSizes: 67,
  /** Members of sets and of parents, and adjacencies, in the order in which nodes have them. */
  Members: 68,

  // One row for each metric.
  MetricKeys: 69,
  MetricMins: 70,
  MetricMaxs: 71,
  /** Usual: 1. */
  MetricSamples: 72,

  // One row for each sample.
  SampleTimes: 73,
  SampleValues: 74,

  // One row for each address.
  DnsAddresses: 75,
  DnsForward: 76,
  DnsReverse: 77,
  /** One row for each name. */
  DnsNames: 78,

  /** Number of nodes with metrics only; one row for each topology. */
  TopologyMetrics: 79,
  // One row for each of these nodes; their metrics follow those of the topology's nodes.
  MetricNodeIds: 80,
  MetricNodeMetrics: 81,

  /** One row for each flow with a state. 1: the server sees other client ports. */
  PortPaired: 82,
  /** One row for each port of such a flow, in the order of `Ports`: the port that the server sees. */
  PairedPorts: 83,
} as const;
export type FieldNumber = number;

/** This version knows all numbers below. */
export const FIELDS = 84;
