/**
 * Where the connections of one statement lead to: from a client's row through translators to the columns of servers, or from
 * a server's column back to the rows of clients. One way: all connections go there. Several: the client ports tell, as far
 * as they are known; what they don't tell is shared out by how many connections each way has.
 */
import { members } from './few.js';
import type { HeldFlow } from './held-flow.js';
import type { Meeting, Meetings } from './meetings.js';
import type { WhoIsMeant } from './who-is-meant.js';
import { windowPorts, type PortView } from './window-ports.js';

export type Side = 'client' | 'server';

/** Connections that lead to one end. */
export interface Arrival {
  /** The other side's statement, or the triple where nobody states the rest of the way. */
  readonly at: HeldFlow | Meeting;
  /** The last translator's flow on the way. */
  readonly bridge: HeldFlow | undefined;
  weight: number;
  readonly ports: (readonly [port: number, standsFor: number])[];
}

export interface Trace {
  readonly arrivals: ReadonlyMap<HeldFlow | Meeting, Arrival>;
  /** Nothing was shared out by a sample. */
  readonly isExact: boolean;
  /** Of the ports that it was made by; 1 where none were needed. */
  readonly modulus: number;
}

/** One way on from a triple. */
interface Way {
  readonly flow: HeldFlow;
  /** The triple behind a translator; undefined: the flow is the other side's statement. */
  readonly next: Meeting | undefined;
}

interface Ways {
  readonly all: readonly Way[];
  /** Only the connection itself tells which host is meant. */
  readonly isContested: boolean;
}

/** Translators in a row; more are a loop, or nobody's doing. */
const TRANSLATORS_MAX = 4;

/** Traces over the statements as they are now; to be made anew when any changed. */
export class Tracer {
  readonly #meetings: Meetings;
  readonly #meant: WhoIsMeant;
  readonly #views = new Map<string, Map<HeldFlow, PortView>>([
    ['client', new Map()],
    ['server', new Map()],
  ]);
  readonly #ways = new Map<Meeting, Map<string, Ways>>();
  /** Triple and asking host → ways by the ports that they have. */
  readonly #byPort = new Map<Ways, Map<number, Way[]>>();
  #arrivals = new Map<HeldFlow | Meeting, Arrival>();
  /** Times that something was shared out in the present trace. */
  #guesses = 0;

  constructor(meetings: Meetings, meant: WhoIsMeant) {
    this.#meetings = meetings;
    this.#meant = meant;
  }

  /** @param side whose statement it is: a client's row, or a server's column */
  trace(flow: HeldFlow, side: Side): Trace {
    const { from, to } = this.#meetings.spanOf(flow)!;
    // What a server's host translates itself comes by either of two triples.
    const starts = side === 'client' || from === to ? [to] : [to, from];
    this.#arrivals = new Map();
    this.#guesses = 0;
    const only = this.#onlyWay(starts, flow.host, side);
    if (only !== undefined) {
      this.#arrive(only.at, only.bridge, flow.activity.connections, undefined);
      return { arrivals: this.#arrivals, isExact: true, modulus: 1 };
    }
    const view = this.#view(flow, side);
    for (const [port, count] of view.counts)
      this.#follow(starts, flow.host, side, port, port, count, undefined, 0);
    if (view.counts.size === 0)
      this.#follow(starts, flow.host, side, undefined, undefined, flow.activity.connections, undefined, 0);
    const isExact = this.#guesses === 0 && (view.isWhole || flow.activity.connections === 0);
    return { arrivals: this.#arrivals, isExact, modulus: view.modulus || Infinity };
  }

  /** Where everything goes when there is one way only, all the way. */
  #onlyWay(
    starts: readonly Meeting[],
    host: string,
    side: Side,
  ): { at: HeldFlow | Meeting; bridge: HeldFlow | undefined } | undefined {
    let meetings = starts;
    let asker = host;
    let bridge: HeldFlow | undefined;
    for (let depth = 0; depth <= TRANSLATORS_MAX; depth++) {
      const ways = meetings.map((meeting) => this.#waysFrom(meeting, asker, side));
      const all = distinct(ways.flatMap(({ all }) => all));
      if (all.length > 1) return undefined;
      const way = all[0];
      if (way === undefined) return { at: meetings[0]!, bridge };
      if (way.next === undefined)
        return ways.some(({ isContested }) => isContested) ? undefined : { at: way.flow, bridge };
      meetings = [way.next];
      asker = way.flow.host;
      bridge = way.flow;
    }
    return undefined;
  }

  /** @param port as it is here; undefined: not known (any more) @param own as the traced statement has it */
  #follow(
    starts: readonly Meeting[],
    asker: string,
    side: Side,
    port: number | undefined,
    own: number | undefined,
    weight: number,
    bridge: HeldFlow | undefined,
    depth: number,
  ): void {
    const ways = starts.map((meeting) => this.#waysFrom(meeting, asker, side));
    const all = depth > TRANSLATORS_MAX ? [] : distinct(ways.flatMap(({ all }) => all));
    const isContested = ways.some((one) => one.isContested);
    const chosen = this.#choose(all, ways, isContested, side, port);
    if (chosen.length === 0) {
      this.#arrive(starts[0]!, bridge, weight, own);
      return;
    }
    for (const { way, part } of chosen) {
      if (way.next === undefined) {
        this.#arrive(way.flow, bridge, weight * part, own);
        continue;
      }
      const { translated } = this.#view(way.flow, side);
      const there = port === undefined || translated === undefined ? port : translated.get(port);
      this.#follow([way.next], way.flow.host, side, there, own, weight * part, way.flow, depth + 1);
    }
  }

  #choose(
    all: readonly Way[],
    ways: readonly Ways[],
    isContested: boolean,
    side: Side,
    port: number | undefined,
  ): readonly { way: Way; part: number }[] {
    if (all.length === 0) return [];
    if (all.length === 1 && (!isContested || all[0]!.next !== undefined)) return [{ way: all[0]!, part: 1 }];
    if (port === undefined) return isContested ? [] : this.#byCount(all);
    const known = distinct(ways.flatMap((one) => this.#portsOf(one, side).get(port) ?? []));
    if (known.length > 0) {
      if (known.length > 1) this.#guesses++;
      return inParts(known, (way) => this.#view(way.flow, side).counts.get(port)!);
    }
    if (isContested) return [];
    return this.#byCount(
      all.filter((way) => {
        const { modulus } = this.#view(way.flow, side);
        return modulus === 0 || port % modulus !== 0;
      }),
    );
  }

  #byCount(ways: readonly Way[]): readonly { way: Way; part: number }[] {
    const counted = ways.filter(({ flow }) => flow.activity.connections > 0);
    if (counted.length > 1) this.#guesses++;
    return inParts(counted, ({ flow }) => flow.activity.connections);
  }

  #arrive(
    at: HeldFlow | Meeting,
    bridge: HeldFlow | undefined,
    weight: number,
    port: number | undefined,
  ): void {
    let arrival = this.#arrivals.get(at);
    if (arrival === undefined) this.#arrivals.set(at, (arrival = { at, bridge, weight: 0, ports: [] }));
    arrival.weight += weight;
    if (port !== undefined) arrival.ports.push([port, Math.max(1, Math.round(weight))]);
  }

  #waysFrom(meeting: Meeting, asker: string, side: Side): Ways {
    let byAsker = this.#ways.get(meeting);
    if (byAsker === undefined) this.#ways.set(meeting, (byAsker = new Map<string, Ways>()));
    const key = `${side}\n${asker}`;
    let ways = byAsker.get(key);
    if (ways === undefined) byAsker.set(key, (ways = this.#findWays(meeting, asker, side)));
    return ways;
  }

  #findWays(meeting: Meeting, asker: string, side: Side): Ways {
    const isForward = side === 'client';
    const all: Way[] = [];
    for (const flow of members(isForward ? meeting.columns : meeting.rows)) {
      const [client, server] = isForward ? [asker, flow.host] : [flow.host, asker];
      if (this.#meant.canMean(client, server, meeting)) all.push({ flow, next: undefined });
    }
    for (const flow of members(isForward ? meeting.onward : meeting.back)) {
      const span = this.#meetings.spanOf(flow)!;
      const next = isForward ? span.to : span.from;
      const [client, server] = isForward ? [asker, flow.host] : [flow.host, asker];
      if (next !== meeting && this.#meant.canMean(client, server, meeting)) all.push({ flow, next });
    }
    const isContested = isForward
      ? this.#meant.isContested(asker, meeting)
      : // A client elsewhere may mean another host's server of this address.
        all.some(({ flow }) => this.#meant.isContested(flow.host, meeting));
    return { all, isContested };
  }

  #portsOf(ways: Ways, side: Side): ReadonlyMap<number, readonly Way[]> {
    let byPort = this.#byPort.get(ways);
    if (byPort !== undefined) return byPort;
    byPort = new Map<number, Way[]>();
    for (const way of ways.all) {
      for (const port of this.#view(way.flow, side).counts.keys()) {
        const known = byPort.get(port);
        if (known === undefined) byPort.set(port, [way]);
        else known.push(way);
      }
    }
    this.#byPort.set(ways, byPort);
    return byPort;
  }

  #view(flow: HeldFlow, side: Side): PortView {
    const views = this.#views.get(side)!;
    let view = views.get(flow);
    if (view === undefined) views.set(flow, (view = windowPorts(flow, side)));
    return view;
  }
}

function distinct(ways: readonly Way[]): readonly Way[] {
  if (ways.length < 2) return ways;
  return [...new Map(ways.map((way) => [way.flow, way])).values()];
}

function inParts(ways: readonly Way[], weightOf: (way: Way) => number): { way: Way; part: number }[] {
  const weights = ways.map(weightOf);
  const sum = weights.reduce((all, weight) => all + weight, 0);
  return ways.map((way, i) => ({ way, part: sum === 0 ? 1 / ways.length : weights[i]! / sum }));
}
