/**
 * Connections that this host translates without having both ends: as a router, as the node of a service's address, or for a
 * container behind the host's address. They are stated to join the statements of the two ends' hosts, and counted nowhere.
 * Conntrack's current flows are grouped by client, dialled address, server, and the client's address as the server sees it.
 */
import {
  NO_FAILURES,
  NO_PORTS,
  Num,
  NUMBERS,
  PORTS_MAX,
  type FlowDefinition,
  type FlowState,
} from '../../flows/flow.js';
import { addressPort } from '../../report/model/address-port.js';
import { hostScope, loopbackScope } from '../../report/model/node-ids.js';
import { addressText, isLinkLocalAddress, isLoopbackAddress } from '../records/address.js';
import type { FlowBatch } from '../records/nat-flow.js';
import { FlowIndex, type Tuple } from '../nat/flow-index.js';
import type { FlowBook } from './flow-book.js';

/** The most groups that are stated: a gateway translates for any number of clients. The rest is counted. */
const MAX_FLOWS = 20_000;

interface Forwarded {
  readonly id: number;
  readonly definition: FlowDefinition;
  readonly definedIn: number;
  state: FlowState;
  changedIn: number;
}

/** One group of one update. */
interface Group {
  readonly definition: FlowDefinition;
  pairs: [port: number, seen: number][];
  /** Only pairs whose client port is a multiple of it are stated. */
  modulus: number;
  count: number;
}

export class ForwardedFlows {
  readonly #flows = new Map<string, Forwarded>();
  /** Translated flows over the limit, in the last update. */
  dropped = 0;

  constructor(
    private readonly book: FlowBook,
    private readonly hostName: string,
  ) {}

  /**
   * Replaces the groups by conntrack's current flows.
   * @param isHere whether a socket of this host has an address: a connection with both ends here needs no join
   */
  update(flows: FlowBatch, isHere: (words: Int32Array, at: number) => boolean): void {
    if (flows.flowCount === 0 && this.#flows.size === 0) return;
    const groups = this.#group(FlowIndex.of(flows), isHere);
    for (const [key, { id }] of this.#flows) {
      if (groups.has(key)) continue;
      this.#flows.delete(key);
      this.book.noteGone(id);
    }
    for (const [key, group] of groups) this.#state(key, group);
  }

  *all(): Iterable<Readonly<Forwarded>> {
    yield* this.#flows.values();
  }

  #group(index: FlowIndex, isHere: (words: Int32Array, at: number) => boolean): Map<string, Group> {
    const groups = new Map<string, Group>();
    this.dropped = 0;
    for (let flow = 0; flow < index.count; flow++) {
      if (!index.isTranslated(flow)) continue;
      const originator = index.tupleOf(flow, 'originator');
      const responder = index.tupleOf(flow, 'responder');
      const dialled = textOfRemote(originator);
      const seen = { address: addressText(responder.words, 4), port: responder.ports[1]! };
      index.resolve(originator, 'originator');
      index.resolve(responder, 'responder');
      // `originator` leads to the server now, `responder` to the client.
      if (isHere(originator.words, 4) && isHere(responder.words, 4)) continue;
      this.#add(groups, { originator, responder, dialled, seen });
    }
    return groups;
  }

  #add(
    groups: Map<string, Group>,
    {
      originator,
      responder,
      dialled,
      seen,
    }: { originator: Tuple; responder: Tuple; dialled: string; seen: { address: string; port: number } },
  ): void {
    const clientAddress = addressText(responder.words, 4);
    const server = textOfRemote(originator);
    const via = dialled === server ? '' : dialled;
    const clientVia = seen.address === clientAddress ? '' : seen.address;
    const key = `${clientAddress} ${server} ${via} ${clientVia}`;
    let group = groups.get(key);
    if (group === undefined) {
      if (groups.size >= MAX_FLOWS) {
        this.dropped++;
        return;
      }
      groups.set(
        key,
        (group = {
          definition: this.#define(originator, responder, via, clientVia),
          pairs: [],
          modulus: 1,
          count: 0,
        }),
      );
    }
    group.count++;
    keepPair(group, responder.ports[1]!, seen.port);
  }

  #define(originator: Tuple, responder: Tuple, via: string, clientVia: string): FlowDefinition {
    const isLocal = isLinkLocalAddress(originator.words, 4) || isLinkLocalAddress(responder.words, 4);
    const scope = isLoopbackAddress(originator.words, 4)
      ? loopbackScope(this.hostName, originator.netns)
      : isLocal
        ? hostScope(this.hostName)
        : '';
    return {
      kind: 'forwarded',
      scope,
      client: { address: addressText(responder.words, 4), isHere: false, netns: 0 },
      server: {
        address: addressText(originator.words, 4),
        port: originator.ports[1]!,
        isHere: false,
        netns: 0,
      },
      via,
      clientVia,
      direction: 'conntrack',
      nat: 'conntrack',
    };
  }

  #state(key: string, group: Group): void {
    const known = this.#flows.get(key);
    const { definition } = group;
    const state = stateOf(group, known?.state);
    const { seq } = this.book;
    if (known === undefined)
      this.#flows.set(key, { id: this.book.newId(), definition, definedIn: seq, state, changedIn: seq });
    else if (!isSame(known.state, state)) {
      known.state = state;
      known.changedIn = seq;
    }
  }
}

/** Too many pairs are thinned by the client's port, as both ends thin theirs: so the rest still joins. */
function keepPair(group: Group, port: number, seen: number): void {
  if (port % group.modulus !== 0) return;
  group.pairs.push([port, seen]);
  while (group.pairs.length > PORTS_MAX) {
    const modulus = (group.modulus *= 3);
    group.pairs = group.pairs.filter(([kept]) => kept % modulus === 0);
  }
}

function stateOf({ pairs, modulus, count }: Group, before: FlowState | undefined): FlowState {
  const numbers = new Float64Array(NUMBERS);
  const live = before?.numbers[Num.Live] ?? 0;
  numbers[Num.Live] = count;
  numbers[Num.Opened] = (before?.numbers[Num.Opened] ?? 0) + Math.max(0, count - live);
  numbers[Num.Closed] = numbers[Num.Opened]! - count;
  pairs.sort(([a, x], [b, y]) => a - b || x - y);
  const distinct = pairs.filter(([port], i) => i === 0 || pairs[i - 1]![0] !== port);
  if (distinct.length === 0) return { numbers, failed: NO_FAILURES, ports: NO_PORTS };
  const isSamePort = distinct.every(([port, seen]) => port === seen);
  const [each, rest] = [Math.floor(count / distinct.length), count % distinct.length];
  return {
    numbers,
    failed: NO_FAILURES,
    ports: {
      modulus,
      ports: Uint16Array.from(distinct, ([port]) => port),
      standsFor: Uint32Array.from(distinct, (_, i) => each + (i < rest ? 1 : 0)),
    },
    ...(!isSamePort && { portPairs: Uint16Array.from(distinct, ([, seen]) => seen) }),
  };
}

function isSame(a: FlowState, b: FlowState): boolean {
  return (
    sameNumbers(a.numbers, b.numbers) &&
    a.ports.modulus === b.ports.modulus &&
    sameNumbers(a.ports.ports, b.ports.ports) &&
    sameNumbers(a.ports.standsFor, b.ports.standsFor) &&
    sameNumbers(a.portPairs ?? [], b.portPairs ?? [])
  );
}

function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** `address:port` of the remote end. */
function textOfRemote({ words, ports }: Tuple): string {
  return addressPort(addressText(words, 4), ports[1]!);
}
