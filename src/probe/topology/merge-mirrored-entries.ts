/**
 * Mirrored entries: the two ends of one local connection that both passed for the client, or both for the server.
 * It happens in a simultaneous open, and where one end's direction had to be guessed. They become one entry.
 */
import type { Arena } from '../records/arena.js';
import { KEY, KEY_WORDS } from './group-table.js';
import { NONE, type Grouping } from './grouping.js';

/** Joins them in place: entries that were taken up by others are gone from the grouping. */
export function mergeMirroredEntries(grouping: Grouping, arena: Arena): void {
  if (!hasPortOfBoth(grouping)) return;
  const candidates = mirrorCandidates(grouping, arena);
  if (candidates.size < 2) return;
  const { table, ports, clients, servers, special } = grouping;
  const absorbed = new Set<number>();
  for (const [key, entry] of candidates) {
    if (absorbed.has(entry)) continue;
    const group = Math.floor(key / 0x10000);
    const at = group * KEY_WORDS;
    const { keys } = table;
    const mirror = table.find(
      keys,
      at + KEY.toAddress,
      at + KEY.fromAddress,
      ports[entry]!,
      keys[at + KEY.netns]!,
    );
    const other = mirror < 0 ? undefined : candidates.get(mirror * 0x10000 + keys[at + KEY.toPort]!);
    if (other === undefined || other === entry || absorbed.has(other)) continue;
    if ((clients[entry] === NONE) !== (clients[other] === NONE)) continue; // the same end twice: two connections
    const [kept, taken] = isBetter(grouping, entry, group, other, mirror) ? [entry, other] : [other, entry];
    if (clients[kept] === NONE) clients[kept] = servers[taken]!;
    else servers[kept] = clients[taken]!;
    special[kept]! |= special[taken]!;
    absorbed.add(taken);
  }
  if (absorbed.size > 0) removeEntries(grouping, absorbed);
}

/** Whether a port is some group's server port and some entry's client port: for most batches that is all to be known. */
function hasPortOfBoth({ table, isClientPort }: Grouping): boolean {
  for (let group = 0; group < table.count; group++)
    if (isClientPort[table.keys[group * KEY_WORDS + KEY.toPort]!] !== 0) return true;
  return false;
}

/** Entries that show one end only and whose client port is some group's server port: group * 2^16 + port → entry. */
function mirrorCandidates(
  { table, entryStart, ports, clients, servers }: Grouping,
  arena: Arena,
): Map<number, number> {
  const isServerPort = arena.uint8(0x10000);
  for (let group = 0; group < table.count; group++)
    isServerPort[table.keys[group * KEY_WORDS + KEY.toPort]!] = 1;
  const candidates = new Map<number, number>();
  for (let group = 0; group < table.count; group++) {
    for (let entry = entryStart[group]!; entry < entryStart[group + 1]!; entry++) {
      if (isServerPort[ports[entry]!] === 0 || (clients[entry] !== NONE && servers[entry] !== NONE)) continue;
      candidates.set(group * 0x10000 + ports[entry]!, entry);
    }
  }
  return candidates;
}

/** The better evidence of direction wins; else the lower server port, then the lower server address. */
function isBetter(
  { table, evidence }: Grouping,
  a: number,
  groupA: number,
  b: number,
  groupB: number,
): boolean {
  if (evidence[a] !== evidence[b]) return evidence[a]! > evidence[b]!;
  const { keys } = table;
  for (const word of [KEY.toPort, KEY.toAddress, KEY.toAddress + 1, KEY.toAddress + 2, KEY.toAddress + 3]) {
    const difference = keys[groupA * KEY_WORDS + word]! - keys[groupB * KEY_WORDS + word]!;
    if (difference !== 0) return difference < 0;
  }
  return true;
}

function removeEntries(grouping: Grouping, absorbed: ReadonlySet<number>): void {
  const { entryStart, ports, clients, servers, evidence, special, table } = grouping;
  let kept = 0;
  for (let group = 0; group < table.count; group++) {
    const [from, to] = [entryStart[group]!, entryStart[group + 1]!];
    entryStart[group] = kept;
    for (let entry = from; entry < to; entry++) {
      if (absorbed.has(entry)) continue;
      ports[kept] = ports[entry]!;
      clients[kept] = clients[entry]!;
      servers[kept] = servers[entry]!;
      evidence[kept] = evidence[entry]!;
      special[kept] = special[entry]!;
      kept++;
    }
  }
  entryStart[table.count] = kept;
  grouping.entryCount = kept;
}
