/**
 * Merging nodes, and what they are made of. Values are shared, not copied: where one version already says all that
 * the others say, the merge is that very value.
 */
import type { Mutable } from '../model/mutable.js';
import { mergeMetrics } from './metrics.js';
import type { Latest, Node } from '../model/model.js';
import { unionOf } from '../model/string-sets.js';
import { compare } from '../model/timestamp.js';

/** All versions of one node made one; at least one. The costs are those of reading them once. */
export function mergeNodes(versions: readonly Node[]): Node {
  const first = versions[0]!;
  if (versions.every((version) => version === first)) return first;
  const merged: Mutable<Node> = { id: first.id, topology: greatestOf(versions, (node) => node.topology) };
  const latest = mergeLatest(present(versions, (node) => node.latest));
  const sets = mergeMaps(
    present(versions, (node) => node.sets),
    unionOf,
  );
  const adjacency = unionOf(present(versions, (node) => node.adjacency));
  const metrics = mergeMaps(
    present(versions, (node) => node.metrics),
    mergeMetrics,
  );
  const parents = mergeMaps(
    present(versions, (node) => node.parents),
    unionOf,
  );
  const children = mergeChildren(present(versions, (node) => node.children));
  if (latest !== undefined) merged.latest = latest;
  if (sets !== undefined) merged.sets = sets;
  if (adjacency.length > 0) merged.adjacency = adjacency;
  if (metrics !== undefined) merged.metrics = metrics;
  if (parents !== undefined) merged.parents = parents;
  if (children !== undefined) merged.children = children;
  return merged;
}

/** The later of two facts; at one instant the one with the greater value (then the greater zone). */
export function laterOf(a: Latest, b: Latest): Latest {
  if (a === b) return a;
  const order = compare(a.timestamp, b.timestamp);
  if (order !== 0) return order > 0 ? a : b;
  if (a.value !== b.value) return a.value > b.value ? a : b;
  return a.timestamp.zoneMinutes >= b.timestamp.zoneMinutes ? a : b;
}

/** Most nodes have few fields: no list is made for each that none of the versions has. */
const NONE: readonly never[] = [];

/** What each version has of a field, without those that have nothing. */
export function present<T, F>(versions: readonly T[], field: (version: T) => F | undefined): readonly F[] {
  let fields: F[] | undefined;
  for (const version of versions) {
    const value = field(version);
    if (value !== undefined) (fields ??= []).push(value);
  }
  return fields ?? NONE;
}

/** Maps joined key by key; undefined when there is nothing in any of them. `mergeValues` sees each key's values once. */
export function mergeMaps<V>(
  maps: readonly ReadonlyMap<string, V>[],
  mergeValues: (values: readonly V[]) => V,
): ReadonlyMap<string, V> | undefined {
  const first = maps[0];
  if (first === undefined) return undefined;
  if (maps.every((map) => map === first)) return first.size > 0 ? first : undefined;
  const valuesByKey = new Map<string, V[]>();
  for (const map of maps) {
    for (const [key, value] of map) {
      const values = valuesByKey.get(key);
      if (values === undefined) valuesByKey.set(key, [value]);
      else values.push(value);
    }
  }
  if (valuesByKey.size === 0) return undefined;
  const merged = new Map<string, V>();
  for (const [key, values] of valuesByKey)
    merged.set(key, values.length === 1 ? values[0]! : mergeValues(values));
  return merged;
}

/** The greatest text, which is also the only one that is not empty where versions agree. */
export function greatestOf<T>(versions: readonly T[], text: (version: T) => string | undefined): string {
  let greatest = '';
  for (const version of versions) {
    const candidate = text(version) ?? '';
    if (candidate > greatest) greatest = candidate;
  }
  return greatest;
}

function mergeLatest(maps: readonly ReadonlyMap<string, Latest>[]): ReadonlyMap<string, Latest> | undefined {
  // The last version is most often the newest, so that nothing in it has to change.
  const base = maps.at(-1);
  if (base === undefined) return undefined;
  let merged: Map<string, Latest> | undefined;
  for (let i = 0; i < maps.length - 1; i++) {
    if (maps[i] === base) continue;
    for (const [key, entry] of maps[i]!) {
      const known = (merged ?? base).get(key);
      if (known !== undefined && laterOf(known, entry) === known) continue;
      merged ??= new Map(base);
      merged.set(key, entry);
    }
  }
  const result = merged ?? base;
  return result.size > 0 ? result : undefined;
}

function mergeChildren(lists: readonly (readonly Node[])[]): readonly Node[] | undefined {
  const first = lists[0];
  if (first === undefined) return undefined;
  if (lists.every((list) => list === first)) return first.length > 0 ? first : undefined;
  const byId = mergeMaps(
    lists.map((list) => new Map(list.map((child) => [child.id, child]))),
    mergeNodes,
  );
  return byId && [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
