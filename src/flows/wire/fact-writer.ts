/** Writes facts of topologies as columns: nodes, ids of removed nodes, and frames. */
import type { Metric, Node, Topology, TopologyKey } from '../../report/model/model.js';
import { encodeReport } from '../../report/wire/msgpack-codec.js';
import type { StatedFacts } from '../statement.js';
import type { ColumnWriter, ColumnsWriter } from './column-writer.js';
import type { DictionaryWriter } from './dictionary-writer.js';
import { Field } from './fields.js';

/** @throws StatementError BAD_NUMBER */
export function writeFacts(
  columns: ColumnsWriter,
  dictionary: DictionaryWriter,
  facts: ReadonlyMap<TopologyKey, StatedFacts>,
): void {
  const keys = columns.rows(Field.TopologyKeys);
  const nodeCounts = columns.column(Field.TopologyNodes);
  const metricCounts = columns.column(Field.TopologyMetrics);
  const goneCounts = columns.column(Field.TopologyGone);
  const framed = columns.column(Field.TopologyFramed);
  const goneIds = columns.rows(Field.GoneNodes);
  const writer = new NodeWriter(columns, dictionary);
  const frames = new Map<TopologyKey, Topology>();
  for (const [key, { nodes, metrics, gone, frame }] of facts) {
    keys.push(dictionary.text(key));
    nodeCounts.push(nodes.size);
    metricCounts.push(metrics?.size ?? 0);
    goneCounts.push(gone.length);
    framed.push(frame ? 1 : 0);
    for (const node of nodes.values()) writer.write(node);
    for (const [id, changed] of metrics ?? []) writer.writeMetrics(id, changed);
    for (const id of gone) goneIds.push(dictionary.text(id));
    if (frame) frames.set(key, { ...frame, nodes: new Map() });
  }
  if (frames.size > 0)
    columns.raw(Field.Frames, encodeReport({ id: '', topologies: frames, dns: new Map() }));
}

class NodeWriter {
  readonly #dictionary: DictionaryWriter;
  readonly #ids: ColumnWriter;
  readonly #topologies: ColumnWriter;
  readonly #factCounts: ColumnWriter;
  readonly #setCounts: ColumnWriter;
  readonly #adjacencies: ColumnWriter;
  readonly #metricCounts: ColumnWriter;
  readonly #parentCounts: ColumnWriter;
  readonly #childCounts: ColumnWriter;
  readonly #metricNodeIds: ColumnWriter;
  readonly #metricNodeMetrics: ColumnWriter;
  readonly #factKeys: ColumnWriter;
  readonly #factValues: ColumnWriter;
  readonly #factTimes: ColumnWriter;
  readonly #setKeys: ColumnWriter;
  readonly #setSizes: ColumnWriter;
  readonly #members: ColumnWriter;
  readonly #metricKeys: ColumnWriter;
  readonly #metricMins: ColumnWriter;
  readonly #metricMaxs: ColumnWriter;
  readonly #metricSamples: ColumnWriter;
  readonly #sampleTimes: ColumnWriter;
  readonly #sampleValues: ColumnWriter;

  constructor(columns: ColumnsWriter, dictionary: DictionaryWriter) {
    this.#dictionary = dictionary;
    this.#ids = columns.rows(Field.NodeIds);
    this.#topologies = columns.column(Field.NodeTopologies);
    this.#factCounts = columns.column(Field.NodeFacts);
    this.#setCounts = columns.column(Field.NodeSets);
    this.#adjacencies = columns.column(Field.NodeAdjacencies);
    this.#metricCounts = columns.column(Field.NodeMetrics);
    this.#parentCounts = columns.column(Field.NodeParents);
    this.#childCounts = columns.column(Field.NodeChildren);
    this.#metricNodeIds = columns.rows(Field.MetricNodeIds);
    this.#metricNodeMetrics = columns.column(Field.MetricNodeMetrics);
    this.#factKeys = columns.rows(Field.FactKeys);
    this.#factValues = columns.column(Field.FactValues);
    this.#factTimes = columns.column(Field.FactTimes);
    this.#setKeys = columns.rows(Field.SetKeys);
    this.#setSizes = columns.column(Field.SetSizes);
    this.#members = columns.rows(Field.Members);
    this.#metricKeys = columns.rows(Field.MetricKeys);
    this.#metricMins = columns.column(Field.MetricMins);
    this.#metricMaxs = columns.column(Field.MetricMaxs);
    this.#metricSamples = columns.column(Field.MetricSamples, 1);
    this.#sampleTimes = columns.rows(Field.SampleTimes);
    this.#sampleValues = columns.column(Field.SampleValues);
  }

  write(node: Node): void {
    const { latest, sets, adjacency = [], metrics, parents, children = [] } = node;
    this.#ids.push(this.#dictionary.text(node.id));
    this.#topologies.push(this.#dictionary.text(node.topology));
    this.#factCounts.push(latest?.size ?? 0);
    this.#setCounts.push(sets?.size ?? 0);
    this.#adjacencies.push(adjacency.length);
    this.#metricCounts.push(metrics?.size ?? 0);
    this.#parentCounts.push(parents?.size ?? 0);
    this.#childCounts.push(children.length);
    this.#facts(latest);
    this.#sets(sets);
    for (const id of adjacency) this.#members.push(this.#dictionary.text(id));
    this.#metrics(metrics);
    this.#sets(parents);
    for (const child of children) this.write(child);
  }

  /** A node with metrics only. */
  writeMetrics(id: string, metrics: ReadonlyMap<string, Metric>): void {
    this.#metricNodeIds.push(this.#dictionary.text(id));
    this.#metricNodeMetrics.push(metrics.size);
    this.#metrics(metrics);
  }

  #facts(facts: Node['latest']): void {
    for (const [key, { value, timestamp }] of facts ?? []) {
      this.#factKeys.push(this.#dictionary.text(key));
      this.#factValues.push(this.#dictionary.text(value));
      this.#factTimes.push(this.#dictionary.time(timestamp));
    }
  }

  #sets(sets: Node['sets']): void {
    for (const [key, members] of sets ?? []) {
      this.#setKeys.push(this.#dictionary.text(key));
      this.#setSizes.push(members.length);
      for (const member of members) this.#members.push(this.#dictionary.text(member));
    }
  }

  #metrics(metrics: Node['metrics']): void {
    for (const [key, { min, max, samples }] of metrics ?? []) {
      this.#metricKeys.push(this.#dictionary.text(key));
      this.#metricMins.push(this.#dictionary.measurement(min));
      this.#metricMaxs.push(this.#dictionary.measurement(max));
      this.#metricSamples.push(samples.length);
      for (const { date, value } of samples) {
        this.#sampleTimes.push(this.#dictionary.time(date));
        this.#sampleValues.push(this.#dictionary.measurement(value));
      }
    }
  }
}
