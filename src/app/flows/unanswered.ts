/**
 * Addresses that are dialled and that nobody answers at: each is a node of its own, as long as anybody dials it. What
 * listened there last is shown while that is remembered.
 */
import { FACT } from '../../report/keys.js';
import { addressPort } from '../../report/model/address-port.js';
import { endpointNodeId } from '../../report/model/node-ids.js';
import { UNANSWERED_PREFIX } from './external.js';
import { addAll, totalOf, type Histogram } from './flow-sums.js';
import type { JoinedEnd, JoinedFlow } from './joined-flow.js';

/** Nodes of their own; a port scan dials as many addresses as it likes, and the rest of them share one node. */
const MAX_NODES = 200;
const REST = `${UNANSWERED_PREFIX}rest`;

/** Name of the process that listened at an end last; undefined when none did, or it is too long ago. */
export type FormerListener = (scope: string, address: string, port: number) => string | undefined;

/** Reasons as the probe words them → what they say of the address. Others are shown as they are. */
const MEANINGS: ReadonlyMap<string, string> = new Map([
  ['refused', 'nobody listens'],
  ['timed out', 'no answer'],
  ['no answer', 'no answer'],
  // Most clients give up long before the kernel does.
  ['cancelled', 'no answer'],
  ['unreachable', 'unreachable'],
]);

interface Dialled {
  readonly end: JoinedEnd;
  readonly failures: Histogram;
}

export class Unanswered {
  /** By endpoint id. */
  readonly #dialled: ReadonlyMap<string, Dialled>;
  /** Of them those with a node of their own. */
  readonly #shown: ReadonlySet<string>;
  readonly #formerListener: FormerListener;

  /** @param serverOf a flow's server's end, told apart where several networks have its address */
  constructor(
    flows: Iterable<JoinedFlow>,
    serverOf: (flow: JoinedFlow) => JoinedEnd,
    formerListener: FormerListener,
  ) {
    this.#formerListener = formerListener;
    this.#dialled = dialledInVain(flows, serverOf);
    this.#shown = mostOf(this.#dialled, MAX_NODES);
  }

  /** Id of the node that a server's end without a process is; undefined when somebody answers there. */
  nodeIdOf(end: JoinedEnd): string | undefined {
    if (this.#dialled.size === 0) return undefined;
    const id = idOf(end);
    if (!this.#dialled.has(id)) return undefined;
    return this.#shown.has(id) ? UNANSWERED_PREFIX + id : REST;
  }

  /** What such a node is called. @param id as `nodeIdOf` gives it */
  nameOf(id: string): { readonly label: string; readonly labelMinor: string } {
    const dialled = this.#dialled.get(id.slice(UNANSWERED_PREFIX.length));
    if (id === REST || dialled === undefined) {
      const count = this.#dialled.size - this.#shown.size;
      return { label: `${count} more addresses`, labelMinor: 'no answer' };
    }
    const { end, failures } = dialled;
    const host = end.scope.replace(/-\d+$/, '');
    const last =
      end.facts?.get(FACT.lastListenerName) ?? this.#formerListener(end.scope, end.address, end.port);
    const isListening = end.facts?.get(FACT.lastListenerListens) === 'yes';
    const minor = [
      ...(host === '' ? [] : [host]),
      isListening ? 'refused' : meaningOf(failures),
      ...(last === undefined ? [] : [isListening ? `${last} listens` : `last: ${last}`]),
    ];
    return { label: addressPort(end.address, end.port), labelMinor: minor.join(', ') };
  }
}

function idOf({ scope, address, port }: JoinedEnd): string {
  return endpointNodeId(scope, address, port);
}

/** Servers' ends without a process to which there are failed connects and no others. */
function dialledInVain(
  flows: Iterable<JoinedFlow>,
  serverOf: (flow: JoinedFlow) => JoinedEnd,
): Map<string, Dialled> {
  const dialled = new Map<string, Dialled>();
  for (const flow of flows) {
    const { failures } = flow;
    if (failures.size === 0 || flow.server.process !== undefined) continue;
    const server = serverOf(flow);
    const id = idOf(server);
    let known = dialled.get(id);
    // Of several ends at one address, one says more than the others.
    if (known === undefined || (known.end.facts === undefined && server.facts !== undefined))
      dialled.set(id, (known = { end: server, failures: known?.failures ?? new Map<string, number>() }));
    addAll(known.failures, failures);
  }
  if (dialled.size > 0)
    for (const flow of flows) if (flow.activity.connections > 0) dialled.delete(idOf(serverOf(flow)));
  return dialled;
}

/** Those with the most failures; the same whatever order they come in. */
function mostOf(dialled: ReadonlyMap<string, Dialled>, atMost: number): Set<string> {
  if (dialled.size <= atMost) return new Set(dialled.keys());
  const sums = Array.from(dialled, ([id, { failures }]) => [id, totalOf(failures)] as const);
  sums.sort(([a, left], [b, right]) => right - left || (a < b ? -1 : 1));
  return new Set(sums.slice(0, atMost).map(([id]) => id));
}

/** What the most frequent reason says; reasons that a probe could not tell apart come as one text with commas. */
function meaningOf(failures: Histogram): string {
  const [reason = 'unknown'] = Array.from(failures)
    .sort(([a, left], [b, right]) => right - left || (a < b ? -1 : 1))
    .map(([name]) => name);
  const meanings = new Set(reason.split(', ').map((one) => MEANINGS.get(one) ?? one));
  return [...meanings].join(', ');
}
