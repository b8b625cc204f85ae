/**
 * Addresses that are dialled and that nobody answers at: each is a node of its own, as long as anybody dials it. What
 * listened there last is told while that is remembered.
 */
import type { Node } from '../../report/model/model.js';
import { endpointNodeId, parseEndpointNodeId } from '../../report/model/node-ids.js';
import { latestOf, type EndpointFacts } from './endpoint.js';
import { UNANSWERED_PREFIX } from './external.js';
import type { ClientGroup } from './client-groups.js';
import { addToTally, type Tally } from './totals.js';

/** Nodes of their own; a port scan dials as many addresses as it likes, and the rest of them share one node. */
const MAX_NODES = 200;
const REST = `${UNANSWERED_PREFIX}rest`;

/** Who listened at an endpoint, by its id; undefined when nobody did, or it is too long ago. */
export type FormerListener = (endpointId: string) => string | undefined;

/** Reasons as the probe words them → what they say of the address. Others are told as they are. */
const MEANINGS: ReadonlyMap<string, string> = new Map([
  ['refused', 'nobody listens'],
  ['timed out', 'no answer'],
  ['no answer', 'no answer'],
  // Most clients give up long before the kernel does.
  ['cancelled', 'no answer'],
  ['unreachable', 'unreachable'],
]);

export class Unanswered {
  /** Endpoint id → failed connects by reason. */
  readonly #failures: ReadonlyMap<string, Tally>;
  /** Of them those with a node of their own. */
  readonly #shown: ReadonlySet<string>;
  readonly #endpoints: ReadonlyMap<string, Node>;
  readonly #formerListener: FormerListener;

  constructor(
    groups: Iterable<ClientGroup>,
    endpoints: ReadonlyMap<string, Node>,
    formerListener: FormerListener,
  ) {
    this.#endpoints = endpoints;
    this.#formerListener = formerListener;
    this.#failures = failuresOf(groups);
    this.#shown = mostOf(this.#failures, MAX_NODES);
  }

  /** Id of the node that an endpoint which no probe owns is; undefined when somebody answers there. */
  nodeIdOf({ scope, address, port }: EndpointFacts): string | undefined {
    if (this.#failures.size === 0) return undefined;
    const id = endpointNodeId(scope, address, port);
    if (!this.#failures.has(id)) return undefined;
    return this.#shown.has(id) ? UNANSWERED_PREFIX + id : REST;
  }

  /** What such a node is called. @param id as `nodeIdOf` gives it */
  nameOf(id: string): { readonly label: string; readonly labelMinor: string } {
    if (id === REST) {
      const count = this.#failures.size - this.#shown.size;
      return { label: `${count} more addresses`, labelMinor: 'no answer' };
    }
    const endpointId = id.slice(UNANSWERED_PREFIX.length);
    const { scope, address, port } = parseEndpointNodeId(endpointId) ?? { scope: '', address: '', port: '' };
    const host = scope.replace(/-\d+$/, '');
    const node = this.#endpoints.get(endpointId);
    const last = latestOf(node, 'last_listener_name') ?? this.#formerListener(endpointId);
    const isListening = latestOf(node, 'last_listener_listens') === 'yes';
    const what = isListening
      ? 'refused'
      : meaningOf(this.#failures.get(endpointId) ?? new Map<string, number>());
    const minor = [
      ...(host === '' ? [] : [host]),
      what,
      ...(last === undefined ? [] : [isListening ? `${last} listens` : `last: ${last}`]),
    ];
    return {
      label: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
      labelMinor: minor.join(', '),
    };
  }
}

/** Of endpoints to which there are failed connects and no others. */
function failuresOf(groups: Iterable<ClientGroup>): Map<string, Tally> {
  const failures = new Map<string, Tally>();
  const answering: ClientGroup[] = [];
  for (const group of groups) {
    if (group.totals.connections > 0) answering.push(group);
    if (group.failures.size === 0) continue;
    for (const id of group.adjacency) {
      let tally = failures.get(id);
      if (tally === undefined) failures.set(id, (tally = new Map<string, number>()));
      for (const [reason, count] of group.failures) addToTally(tally, reason, count);
    }
  }
  if (failures.size > 0)
    for (const { adjacency } of answering) for (const id of adjacency) failures.delete(id);
  return failures;
}

/** Those with the most failures; the same whatever order they come in. */
function mostOf(failures: ReadonlyMap<string, Tally>, atMost: number): Set<string> {
  if (failures.size <= atMost) return new Set(failures.keys());
  const sums = Array.from(failures, ([id, tally]) => [id, sumOf(tally)] as const);
  sums.sort(([a, left], [b, right]) => right - left || (a < b ? -1 : 1));
  return new Set(sums.slice(0, atMost).map(([id]) => id));
}

function sumOf(tally: Tally): number {
  let sum = 0;
  for (const count of tally.values()) sum += count;
  return sum;
}

/** What the most frequent reason says; reasons that a probe could not tell apart come as one text with commas. */
function meaningOf(tally: Tally): string {
  const [reason = 'unknown'] = Array.from(tally)
    .sort(([a, left], [b, right]) => right - left || (a < b ? -1 : 1))
    .map(([name]) => name);
  const meanings = new Set(reason.split(', ').map((one) => MEANINGS.get(one) ?? one));
  return [...meanings].join(', ');
}
