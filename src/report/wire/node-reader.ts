/**
 * Reads nodes into the model. Containers that are nil or empty are left out, sets come out sorted whatever order
 * they came in, and a node is called what its key says.
 */
import type { Mutable } from '../model/mutable.js';
import type { Latest, Metric, Node, Sample, Timestamp, TopologyKey } from '../model/model.js';
import { FACT } from '../keys.js';
import { sortedMetric } from '../merge/metrics.js';
import { mergeNodes } from '../merge/nodes.js';
import { sortedUnique } from '../model/string-sets.js';
import { GO_ZERO } from '../model/timestamp.js';
import type { NodeCache } from './known-nodes.js';
import { readTextMap, type ValueReader } from './value-reader.js';

/** Old probes count in a field of its own, without a time. */
interface PendingCounters {
  readonly latest: Map<string, Latest>;
  readonly counters: ReadonlyMap<string, number>;
}

export class NodeReader {
  readonly #reader: ValueReader;
  readonly #nodesMax: number;
  readonly #recall: NodeCache | undefined;
  #nodes = 0;
  readonly #pendingCounters: PendingCounters[] = [];
  readonly #readLatest = (): Latest => this.#latest();
  readonly #readSet = (): readonly string[] => this.#texts('a set');
  readonly #readParents = (): readonly string[] => this.#identifiers('parents');
  readonly #readMetric = (): Metric => this.#metric();

  /** @param nodesMax how many nodes may be read, children included */
  constructor(reader: ValueReader, nodesMax: number, recall?: NodeCache) {
    this.#reader = reader;
    this.#nodesMax = nodesMax;
    this.#recall = recall;
  }

  /** @param topology what a node that does not say so itself belongs to */
  readNodes(topology: string, key: TopologyKey): Map<string, Node> {
    const recall = this.#recall;
    return readTextMap(this.#reader, 'nodes', (reader, id) => {
      const digest = recall && reader.digest();
      if (recall === undefined || digest === undefined) return this.#node(topology, id);
      const known = recall.known(key, id, digest);
      if (known === undefined) {
        const node = this.#node(topology, id);
        recall.read(node, digest);
        return node;
      }
      this.#countNode();
      reader.passDigested();
      return known;
    });
  }

  /** Makes old probes' counters facts as of `timestamp`; to be called when all nodes are read. */
  settleCounters(timestamp: Timestamp): void {
    for (const { latest, counters } of this.#pendingCounters) {
      for (const [key, count] of counters)
        latest.set(FACT.counterPrefix + key, { timestamp, value: String(count) });
    }
  }

  /** @param key the id; without one (children are a list) the node's own counts */
  #node(topology: string, key?: string): Node {
    const reader = this.#reader;
    this.#countNode();
    const node: Mutable<Node> = { id: key ?? '', topology };
    let latest: Map<string, Latest> | undefined;
    let counters: ReadonlyMap<string, number> | undefined;
    let seen = 0;
    if (!reader.enterMap('a node')) return node;
    for (let field = reader.nextKey(); field !== undefined; field = reader.nextKey()) {
      const bit = FIELD_BITS.get(field) ?? 0;
      if ((seen & bit) !== 0) reader.fail('DUPLICATE_KEY', 'cannot read a node: a key came twice');
      seen |= bit;
      switch (field) {
        case 'id': {
          const id = reader.identifier('a node id');
          if (key === undefined) node.id = id;
          break;
        }
        case 'topology': {
          const own = reader.identifier('the topology of a node');
          if (own !== '') node.topology = own;
          break;
        }
        case 'latest':
          latest = readTextMap(reader, 'latest', this.#readLatest);
          break;
        case 'sets':
          setUnlessEmpty(node, 'sets', readTextMap(reader, 'sets', this.#readSet));
          break;
        case 'adjacency': {
          const adjacency = this.#identifiers('adjacency');
          if (adjacency.length > 0) node.adjacency = adjacency;
          break;
        }
        case 'metrics':
          setUnlessEmpty(node, 'metrics', readTextMap(reader, 'metrics', this.#readMetric));
          break;
        case 'parents':
          setUnlessEmpty(node, 'parents', readTextMap(reader, 'parents', this.#readParents));
          break;
        case 'children': {
          const children = this.#children();
          if (children.length > 0) node.children = children;
          break;
        }
        case 'counters':
          counters = readTextMap(reader, 'counters', () => reader.number('a counter'));
          break;
        default:
          reader.skip();
      }
    }
    if (counters !== undefined && counters.size > 0) {
      latest ??= new Map<string, Latest>();
      node.latest = latest;
      this.#pendingCounters.push({ latest, counters });
    } else if (latest !== undefined && latest.size > 0) node.latest = latest;
    return node;
  }

  #countNode(): void {
    if (++this.#nodes > this.#nodesMax) this.#reader.fail('TOO_MANY_NODES', 'cannot read nodes');
  }

  #latest(): Latest {
    const reader = this.#reader;
    let timestamp = GO_ZERO;
    let value = '';
    let seen = 0;
    if (!reader.enterMap('a fact')) return { timestamp, value };
    for (let field = reader.nextKey(); field !== undefined; field = reader.nextKey()) {
      if (field === 'timestamp') {
        seen += 1;
        timestamp = reader.time('the timestamp of a fact');
      } else if (field === 'value') {
        seen += 0x100;
        value = reader.text('the value of a fact');
      } else reader.skip();
      if ((seen & ~0x101) !== 0) reader.fail('DUPLICATE_KEY', 'cannot read a fact: a key came twice');
    }
    return { timestamp, value };
  }

  #identifiers(what: string): readonly string[] {
    const reader = this.#reader;
    const ids: string[] = [];
    if (!reader.enterList(what)) return ids;
    while (reader.nextElement()) ids.push(reader.identifier(what));
    return sortedUnique(ids);
  }

  #texts(what: string): readonly string[] {
    const reader = this.#reader;
    const texts: string[] = [];
    if (!reader.enterList(what)) return texts;
    while (reader.nextElement()) texts.push(reader.text(what));
    return sortedUnique(texts);
  }

  #metric(): Metric {
    const reader = this.#reader;
    const samples: Sample[] = [];
    let min = 0;
    let max = 0;
    let seen = 0;
    if (!reader.enterMap('a metric')) return { samples, min, max };
    for (let field = reader.nextKey(); field !== undefined; field = reader.nextKey()) {
      const bit = FIELD_BITS.get(field) ?? 0;
      if ((seen & bit) !== 0) reader.fail('DUPLICATE_KEY', 'cannot read a metric: a key came twice');
      seen |= bit;
      if (field === 'min') min = reader.number('the least of a metric');
      else if (field === 'max') max = reader.number('the greatest of a metric');
      else if (field !== 'samples') reader.skip();
      else if (reader.enterList('samples')) while (reader.nextElement()) samples.push(this.#sample());
    }
    return sortedMetric({ samples, min, max });
  }

  #sample(): Sample {
    const reader = this.#reader;
    let date = GO_ZERO;
    let value = 0;
    let seen = 0;
    if (!reader.enterMap('a sample')) return { date, value };
    for (let field = reader.nextKey(); field !== undefined; field = reader.nextKey()) {
      if (field === 'date') {
        seen += 1;
        date = reader.time('the date of a sample');
      } else if (field === 'value') {
        seen += 0x100;
        value = reader.number('the value of a sample');
      } else reader.skip();
      if ((seen & ~0x101) !== 0) reader.fail('DUPLICATE_KEY', 'cannot read a sample: a key came twice');
    }
    return { date, value };
  }

  /** By id and sorted by it; two with one id are one. */
  #children(): readonly Node[] {
    const reader = this.#reader;
    const byId = new Map<string, Node>();
    if (!reader.enterList('children')) return [];
    while (reader.nextElement()) {
      const child = this.#node('');
      const known = byId.get(child.id);
      byId.set(child.id, known === undefined ? child : mergeNodes([known, child]));
    }
    return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

/** One bit for each key that may come only once. */
const FIELD_BITS: ReadonlyMap<string, number> = new Map(
  [
    'id',
    'topology',
    'latest',
    'sets',
    'adjacency',
    'metrics',
    'parents',
    'children',
    'counters',
    'samples',
    'min',
    'max',
  ].map((field, index) => [field, 1 << index]),
);

function setUnlessEmpty<K extends 'sets' | 'metrics' | 'parents'>(
  node: Mutable<Node>,
  key: K,
  map: NonNullable<Node[K]>,
): void {
  if (map.size > 0) node[key] = map;
}
