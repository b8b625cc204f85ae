/**
 * Keeps client endpoints apart. An endpoint is an address and a port: one that is kept for two groups has one count and
 * one process for both its edges, though most of what it stands for used other ports. As all groups prefer the same
 * ports, large groups of one client address meet often.
 *
 * So where a thinned group would keep a port that another group of its client address keeps, it keeps others. Only groups
 * whose both ends are here: of the others a probe at the far end tells too, and must keep the same.
 */
import { NONE, type Grouping } from './grouping.js';
import { KEY, KEY_WORDS } from './group-table.js';
import { keep, rank } from './thinning.js';

/** @param standIn as thinning left it; changed in place */
export function distinctClients(grouping: Grouping, standIn: Int32Array): void {
  const { table, entryStart, ports } = grouping;
  if (table.count < 2) return;
  const movable: number[] = [];
  for (let group = 0; group < table.count; group++) {
    if (isThinned(grouping, standIn, group) && isLocal(grouping, group)) movable.push(group);
  }
  if (movable.length === 0) return;
  const users = countUsers(grouping, standIn, new Set(movable.map((group) => clientOf(grouping, group))));
  // By what they are: the order of the records plays no part.
  movable.sort((a, b) => compareKeys(table.keys, a, b));
  for (const group of movable) {
    const client = clientOf(grouping, group);
    const usersOf = (entry: number): number => users.get(endpointOf(client, ports[entry]!)) ?? 0;
    const from = entryStart[group]!;
    const to = entryStart[group + 1]!;
    const before = keptOf(grouping, standIn, group);
    let kept = before.filter((entry) => usersOf(entry) === 1);
    if (kept.length === before.length) continue;
    if (kept.length === 0) kept = bestUnused(ports, from, to, usersOf);
    if (kept.length === 0) continue;
    for (const entry of before) add(users, endpointOf(client, ports[entry]!), -1);
    for (const entry of kept) add(users, endpointOf(client, ports[entry]!), 1);
    keep(kept, ports, from, to, standIn);
  }
}

function isThinned({ entryStart }: Grouping, standIn: Int32Array, group: number): boolean {
  const end = entryStart[group + 1]!;
  for (let entry = entryStart[group]!; entry < end; entry++) if (standIn[entry] !== entry) return true;
  return false;
}

/** Whether any of its connections was seen from both ends. */
function isLocal({ entryStart, clients, servers }: Grouping, group: number): boolean {
  const end = entryStart[group + 1]!;
  for (let entry = entryStart[group]!; entry < end; entry++) {
    if (clients[entry] !== NONE && servers[entry] !== NONE) return true;
  }
  return false;
}

function keptOf({ entryStart }: Grouping, standIn: Int32Array, group: number): number[] {
  const kept: number[] = [];
  const end = entryStart[group + 1]!;
  for (let entry = entryStart[group]!; entry < end; entry++) if (standIn[entry] === entry) kept.push(entry);
  return kept;
}

/** How many groups keep each endpoint of these clients. */
function countUsers(
  grouping: Grouping,
  standIn: Int32Array,
  clients: ReadonlySet<number>,
): Map<number, number> {
  const users = new Map<number, number>();
  for (let group = 0; group < grouping.table.count; group++) {
    const client = clientOf(grouping, group);
    if (!clients.has(client)) continue;
    for (const entry of keptOf(grouping, standIn, group)) {
      add(users, endpointOf(client, grouping.ports[entry]!), 1);
    }
  }
  return users;
}

function add(users: Map<number, number>, endpoint: number, count: number): void {
  users.set(endpoint, (users.get(endpoint) ?? 0) + count);
}

/** The one that would be kept first of those that no other group keeps. */
function bestUnused(
  ports: Uint16Array,
  from: number,
  to: number,
  usersOf: (entry: number) => number,
): number[] {
  let best = NONE;
  for (let entry = from; entry < to; entry++) {
    if (usersOf(entry) > 0) continue;
    if (best === NONE || rank(ports[entry]!) > rank(ports[best]!)) best = entry;
  }
  return best === NONE ? [] : [best];
}

/** A hash of a group's namespace and client address: groups that share it by chance are parted without need. */
function clientOf({ table: { keys } }: Grouping, group: number): number {
  const at = group * KEY_WORDS;
  let hash = keys[at + KEY.netns]!;
  for (let i = 0; i < 4; i++) {
    hash = Math.imul(hash ^ keys[at + KEY.fromAddress + i]!, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

function endpointOf(client: number, port: number): number {
  return client * 0x10000 + port;
}

function compareKeys(keys: Int32Array, a: number, b: number): number {
  for (let i = 0; i < KEY_WORDS; i++) {
    const difference = keys[a * KEY_WORDS + i]! - keys[b * KEY_WORDS + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
