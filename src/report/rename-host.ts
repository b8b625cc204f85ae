/**
 * A report under another host name: every id in it that begins with the name. Ids are `name;pid`, `name;<host>` and, of
 * addresses that mean something on one host only, `name;address;port` or `name-netns;address;port`. Pure.
 */
import { FACT } from './keys.js';
import type { Latest, Node, Report, Topology, TopologyKey } from './model/model.js';

/** Facts that are ids. */
const ID_FACTS = [FACT.hostNodeId, FACT.copyOf];

/** @returns the id itself when it is not of this host */
export function renamedId(id: string, from: string, to: string): string {
  if (!id.startsWith(from)) return id;
  const rest = id.slice(from.length);
  return rest.startsWith(';') || /^-\d+;[^;]*;/.test(rest) ? to + rest : id;
}

/** @param renamed told of each node that became another one */
export function renameHost(
  report: Report,
  from: string,
  to: string,
  renamed: (before: Node, after: Node) => void = () => undefined,
): Report {
  const topologies = new Map<TopologyKey, Topology>();
  for (const [key, topology] of report.topologies) {
    const nodes = new Map<string, Node>();
    for (const node of topology.nodes.values()) {
      const after = renamedNode(node, from, to);
      if (after !== node) renamed(node, after);
      nodes.set(after.id, after);
    }
    topologies.set(key, { ...topology, nodes });
  }
  return { ...report, topologies };
}

/** The node itself when nothing in it names the host. */
function renamedNode(node: Node, from: string, to: string): Node {
  const idOf = (id: string): string => renamedId(id, from, to);
  const id = idOf(node.id);
  const latest = renamedFacts(node, idOf, from, to);
  const adjacency = renamedIds(node.adjacency, idOf);
  const children = node.children?.map((child) => renamedNode(child, from, to));
  let parents = node.parents;
  for (const [topology, ids] of node.parents ?? []) {
    const after = renamedIds(ids, idOf)!;
    if (after !== ids) parents = new Map(parents).set(topology, after);
  }
  const isSame =
    id === node.id &&
    latest === node.latest &&
    adjacency === node.adjacency &&
    parents === node.parents &&
    (children === undefined || children.every((child, i) => child === node.children![i]));
  if (isSame) return node;
  return {
    ...node,
    id,
    ...(latest && { latest }),
    ...(adjacency && { adjacency }),
    ...(parents && { parents }),
    ...(children && { children }),
  };
}

function renamedIds(
  ids: readonly string[] | undefined,
  idOf: (id: string) => string,
): readonly string[] | undefined {
  if (ids === undefined || ids.every((id) => idOf(id) === id)) return ids;
  return [...new Set(ids.map(idOf))].sort();
}

function renamedFacts(
  { topology, latest }: Node,
  idOf: (id: string) => string,
  from: string,
  to: string,
): ReadonlyMap<string, Latest> | undefined {
  if (latest === undefined) return undefined;
  let facts = latest;
  const change = (key: string, value: (before: string) => string): void => {
    const fact = latest.get(key);
    if (fact === undefined || value(fact.value) === fact.value) return;
    facts = new Map(facts).set(key, { ...fact, value: value(fact.value) });
  };
  for (const key of ID_FACTS) change(key, idOf);
  if (topology === 'host') change(FACT.hostName, (name) => (name === from ? to : name));
  return facts;
}
