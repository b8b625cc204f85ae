/**
 * When two nodes say the same, contradict each other, or continue each other's measurements.
 */
import { FACT } from '../../report/keys.js';
import { compare } from '../../report/model/timestamp.js';
import type { DnsNames, Latest, Metric, Node, Timestamp } from '../../report/model/model.js';
import type { FactRules } from './fact-store.js';
import { weighNames, weighNode } from './estimated-size.js';

/** Rules for nodes; samples older than `windowMs` before the newest one are let go. */
export function nodeRules(
  mergeNodes: (versions: readonly Node[]) => Node,
  windowMs: number,
): FactRules<Node> {
  return {
    alike: alikeNodes,
    same: (a, b) => a === b || (alikeNodes(a, b) && sameMetrics(a.metrics, b.metrics)),
    conflict: (part, whole) => differsInLatest(part.latest, whole.latest),
    merge: mergeNodes,
    weigh: weighNode,
    renew: (old, fresh) =>
      old.metrics === undefined ? fresh : withinWindow(mergeNodes([old, fresh]), windowMs),
    succeed: (old, fresh) => {
      if (old.metrics === undefined || fresh.metrics === undefined) return fresh;
      const { id, topology } = fresh;
      const { metrics } = mergeNodes([{ id, topology, metrics: old.metrics }, fresh]);
      return withinWindow(metrics === undefined ? fresh : { ...fresh, metrics }, windowMs);
    },
    restamp: restampNode,
  };
}

function restampNode(node: Node, at: Timestamp): Node {
  if (node.latest === undefined) return node;
  const latest = new Map<string, Latest>();
  for (const [key, fact] of node.latest)
    latest.set(key, compare(fact.timestamp, at) < 0 ? { timestamp: at, value: fact.value } : fact);
  return { ...node, latest };
}

export function dnsRules(merge: (versions: readonly DnsNames[]) => DnsNames): FactRules<DnsNames> {
  const same = (a: DnsNames, b: DnsNames): boolean =>
    sameList(a.forward, b.forward) && sameList(a.reverse, b.reverse);
  return {
    alike: same,
    same,
    conflict: () => false,
    merge,
    weigh: weighNames,
    renew: (_old, fresh) => fresh,
    succeed: (_old, fresh) => fresh,
  };
}

/** Facts that change all the time and that no other node's name or place depends on. */
const RESTLESS = new Set<string>([FACT.uptime, FACT.ts, FACT.containerUptime, FACT.containerStateHuman]);

/** Whether all that other nodes show of a node, or are placed by, is as it was. */
export function isStillCalled(node: Node | undefined, old: Node | undefined): boolean {
  if (node === undefined || old === undefined) return node === old;
  return alikeNodes(withoutRestless(node), withoutRestless(old));
}

function withoutRestless(node: Node): Node {
  if (node.latest === undefined) return node;
  return { ...node, latest: new Map(Array.from(node.latest).filter(([key]) => !RESTLESS.has(key))) };
}

function alikeNodes(a: Node, b: Node): boolean {
  return (
    sameList(a.adjacency, b.adjacency) &&
    sameLatest(a.latest, b.latest) &&
    sameLists(a.sets, b.sets) &&
    sameLists(a.parents, b.parents) &&
    a.topology === b.topology &&
    sameChildren(a.children, b.children)
  );
}

function sameLatest(a: Node['latest'], b: Node['latest']): boolean {
  if ((a?.size ?? 0) !== (b?.size ?? 0)) return false;
  if (a === undefined || b === undefined) return true;
  for (const [key, { value }] of a) if (b.get(key)?.value !== value) return false;
  return true;
}

function sameLists(
  a: ReadonlyMap<string, readonly string[]> | undefined,
  b: ReadonlyMap<string, readonly string[]> | undefined,
): boolean {
  if ((a?.size ?? 0) !== (b?.size ?? 0)) return false;
  for (const [key, list] of a ?? []) if (!sameList(list, b?.get(key))) return false;
  return true;
}

function sameList(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === b) return true;
  const length = a?.length ?? 0;
  if (length !== (b?.length ?? 0)) return false;
  for (let index = 0; index < length; index++) if (a![index] !== b![index]) return false;
  return true;
}

function sameChildren(a: readonly Node[] | undefined, b: readonly Node[] | undefined): boolean {
  const length = a?.length ?? 0;
  if (length !== (b?.length ?? 0)) return false;
  for (let index = 0; index < length; index++)
    if (a![index]!.id !== b![index]!.id || !alikeNodes(a![index]!, b![index]!)) return false;
  return true;
}

function sameMetrics(a: Node['metrics'], b: Node['metrics']): boolean {
  if (a === b) return true;
  if ((a?.size ?? 0) !== (b?.size ?? 0)) return false;
  for (const [key, metric] of a ?? []) {
    const other = b?.get(key);
    const last = metric.samples.at(-1);
    const otherLast = other?.samples.at(-1);
    if (
      metric.samples.length !== other?.samples.length ||
      metric.max !== other.max ||
      metric.min !== other.min
    )
      return false;
    if (last?.value !== otherLast?.value || !sameInstant(last?.date, otherLast?.date)) return false;
  }
  return true;
}

function sameInstant(a: Timestamp | undefined, b: Timestamp | undefined): boolean {
  return a === b || (a?.unixSeconds === b?.unixSeconds && a?.nanos === b?.nanos);
}

function differsInLatest(
  part: ReadonlyMap<string, Latest> | undefined,
  whole: ReadonlyMap<string, Latest> | undefined,
): boolean {
  for (const [key, { value }] of part ?? []) if (whole?.get(key)?.value !== value) return true;
  return false;
}

function withinWindow(node: Node, windowMs: number): Node {
  if (node.metrics === undefined) return node;
  const metrics = new Map<string, Metric>();
  for (const [key, metric] of node.metrics) {
    const newest = metric.samples.at(-1)?.date.unixSeconds ?? 0;
    const oldest = newest - windowMs / 1_000;
    metrics.set(key, { ...metric, samples: metric.samples.filter(({ date }) => date.unixSeconds >= oldest) });
  }
  return { ...node, metrics };
}
