/** Reads facts of topologies from columns. Facts of unknown topologies are read and skipped. */
import { TOPOLOGY_KEYS, type Topology, type TopologyKey } from '../../report/model/model.js';
import type { Mutable } from '../../report/model/mutable.js';
import { ReportError } from '../../report/wire/errors.js';
import { decodeReport } from '../../report/wire/msgpack-codec.js';
import type { StatedFacts } from '../statement.js';
import type { Budget } from './budget.js';
import type { ColumnsReader } from './column-reader.js';
import type { DictionaryReader } from './dictionary-reader.js';
import { StatementError } from './errors.js';
import { Field } from './fields.js';
import { NodeReader } from './node-reader.js';

type Frames = ReadonlyMap<TopologyKey, Topology>;

/** @throws StatementError */
export function readFacts(
  columns: ColumnsReader,
  dictionary: DictionaryReader,
  budget: Budget,
): Map<TopologyKey, StatedFacts> {
  const keys = columns.rows(Field.TopologyKeys);
  const nodeCounts = columns.column(Field.TopologyNodes);
  const metricCounts = columns.column(Field.TopologyMetrics);
  const goneCounts = columns.column(Field.TopologyGone);
  const framed = columns.column(Field.TopologyFramed);
  const goneIds = columns.rows(Field.GoneNodes);
  const reader = new NodeReader(columns, dictionary, budget);
  const frames = readFrames(columns.raw(Field.Frames), budget);
  const topologies = new Map<string, StatedFacts>();
  while (!keys.isAtEnd) {
    const key = dictionary.text(keys.next());
    if (topologies.has(key)) throw new StatementError('DUPLICATE', 'cannot read a topology twice');
    budget.entry();
    const nodes = reader.readNodes(nodeCounts.next());
    const metrics = reader.readMetrics(metricCounts.next());
    for (const id of metrics.keys())
      if (nodes.has(id)) throw new StatementError('DUPLICATE', 'cannot read a node and its metrics alone');
    const gone = new Set<string>();
    for (let left = goneCounts.next(); left > 0; left--) {
      budget.goneNode();
      const id = dictionary.text(goneIds.next());
      if (gone.has(id) || nodes.has(id) || metrics.has(id))
        throw new StatementError('DUPLICATE', 'cannot read a gone node twice');
      gone.add(id);
    }
    const facts: Mutable<StatedFacts> = { nodes, gone: [...gone] };
    if (metrics.size > 0) facts.metrics = metrics;
    if (framed.next() !== 0) facts.frame = frameOf(frames, key);
    topologies.set(key, facts);
  }
  const known = new Map<TopologyKey, StatedFacts>();
  for (const [key, facts] of topologies) if (isTopologyKey(key)) known.set(key, facts);
  return known;
}

function readFrames(bytes: Uint8Array, { limits }: Budget): Frames {
  if (bytes.length === 0) return new Map();
  const { maxEntries, maxTextBytes } = limits;
  try {
    return decodeReport(bytes, { maxEntries, maxTextBytes, maxNodes: 0 }).topologies;
  } catch (cause) {
    if (!(cause instanceof ReportError)) throw cause;
    throw new StatementError('BAD_FRAME', `cannot read templates: ${cause.message}`, { cause });
  }
}

function frameOf(frames: Frames, key: string): Omit<Topology, 'nodes'> {
  const { nodes: _none, ...frame }: Partial<Topology> = frames.get(key as TopologyKey) ?? {};
  return frame;
}

function isTopologyKey(key: string): key is TopologyKey {
  return (TOPOLOGY_KEYS as readonly string[]).includes(key);
}
