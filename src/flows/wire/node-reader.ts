/** Reads nodes from columns, in the form of a decoded report: sets sorted, nothing empty. */
import { sortedMetric } from '../../report/merge/metrics.js';
import type { Latest, Metric, Node, Sample } from '../../report/model/model.js';
import type { Mutable } from '../../report/model/mutable.js';
import { sortedUnique } from '../../report/model/string-sets.js';
import type { Budget } from './budget.js';
import type { ColumnReader, ColumnsReader } from './column-reader.js';
import type { DictionaryReader } from './dictionary-reader.js';
import { StatementError } from './errors.js';
import { Field } from './fields.js';

export class NodeReader {
  readonly #dictionary: DictionaryReader;
  readonly #budget: Budget;
  readonly #ids: ColumnReader;
  readonly #topologies: ColumnReader;
  readonly #factCounts: ColumnReader;
  readonly #setCounts: ColumnReader;
  readonly #adjacencies: ColumnReader;
  readonly #metricCounts: ColumnReader;
  readonly #parentCounts: ColumnReader;
  readonly #childCounts: ColumnReader;
  readonly #metricNodeIds: ColumnReader;
  readonly #metricNodeMetrics: ColumnReader;
  readonly #factKeys: ColumnReader;
  readonly #factValues: ColumnReader;
  readonly #factTimes: ColumnReader;
  readonly #setKeys: ColumnReader;
  readonly #setSizes: ColumnReader;
  readonly #members: ColumnReader;
  readonly #metricKeys: ColumnReader;
  readonly #metricMins: ColumnReader;
  readonly #metricMaxs: ColumnReader;
  readonly #metricSamples: ColumnReader;
  readonly #sampleTimes: ColumnReader;
  readonly #sampleValues: ColumnReader;

  constructor(columns: ColumnsReader, dictionary: DictionaryReader, budget: Budget) {
    this.#dictionary = dictionary;
    this.#budget = budget;
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

  /** The next `count` nodes, with their children. @throws StatementError */
  readNodes(count: number): Map<string, Node> {
    return this.#nodes(count, 0);
  }

  /** Metrics of the next `count` nodes with metrics only. @throws StatementError */
  readMetrics(count: number): Map<string, ReadonlyMap<string, Metric>> {
    const nodes = new Map<string, ReadonlyMap<string, Metric>>();
    for (let left = count; left > 0; left--) {
      this.#budget.node();
      const id = this.#dictionary.text(this.#metricNodeIds.next());
      if (nodes.has(id)) throw new StatementError('DUPLICATE', 'cannot read the metrics of a node twice');
      nodes.set(id, this.#map(this.#metricNodeMetrics.next(), this.#metricKeys, this.#metric));
    }
    return nodes;
  }

  #nodes(count: number, depth: number): Map<string, Node> {
    const nodes = new Map<string, Node>();
    for (let left = count; left > 0; left--) {
      const node = this.#node(depth);
      if (nodes.has(node.id)) throw new StatementError('DUPLICATE', 'cannot read a node twice');
      nodes.set(node.id, node);
    }
    return nodes;
  }

  #node(depth: number): Node {
    this.#budget.node();
    this.#budget.depth(depth);
    const id = this.#dictionary.text(this.#ids.next());
    const node: Mutable<Node> = { id, topology: this.#dictionary.text(this.#topologies.next()) };
    const facts = this.#factCounts.next();
    const sets = this.#setCounts.next();
    const adjacency = this.#adjacencies.next();
    const metrics = this.#metricCounts.next();
    const parents = this.#parentCounts.next();
    const children = this.#childCounts.next();
    if (facts > 0) node.latest = this.#map(facts, this.#factKeys, this.#fact);
    if (sets > 0) node.sets = this.#map(sets, this.#setKeys, this.#set);
    if (adjacency > 0) node.adjacency = this.#texts(adjacency);
    if (metrics > 0) node.metrics = this.#map(metrics, this.#metricKeys, this.#metric);
    if (parents > 0) node.parents = this.#map(parents, this.#setKeys, this.#set);
    if (children > 0) node.children = [...this.#nodes(children, depth + 1).values()].sort(byId);
    return node;
  }

  #map<T>(count: number, keys: ColumnReader, read: () => T): Map<string, T> {
    const map = new Map<string, T>();
    for (let left = count; left > 0; left--) {
      this.#budget.entry();
      const key = this.#dictionary.text(keys.next());
      if (map.has(key)) throw new StatementError('DUPLICATE', 'cannot read a key of a node twice');
      map.set(key, read());
    }
    return map;
  }

  readonly #fact = (): Latest => ({
    timestamp: this.#dictionary.time(this.#factTimes.next()),
    value: this.#dictionary.text(this.#factValues.next()),
  });

  readonly #set = (): readonly string[] => this.#texts(this.#setSizes.next());

  readonly #metric = (): Metric => {
    const min = this.#dictionary.measurement(this.#metricMins.next());
    const max = this.#dictionary.measurement(this.#metricMaxs.next());
    const samples: Sample[] = [];
    for (let left = this.#metricSamples.next(); left > 0; left--) {
      this.#budget.entry();
      const date = this.#dictionary.time(this.#sampleTimes.next());
      samples.push({ date, value: this.#dictionary.measurement(this.#sampleValues.next()) });
    }
    return sortedMetric({ samples, min, max });
  };

  #texts(count: number): readonly string[] {
    const texts: string[] = [];
    for (let left = count; left > 0; left--) {
      this.#budget.entry();
      texts.push(this.#dictionary.text(this.#members.next()));
    }
    return sortedUnique(texts);
  }
}

function byId(a: Node, b: Node): number {
  return a.id < b.id ? -1 : 1;
}
