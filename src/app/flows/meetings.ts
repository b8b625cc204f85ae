/**
 * Where the statements of several hosts meet: the triple of client address, server address and server port. What leads from
 * one triple to another (a translator's forwarded flow, a server behind a published port) links the two; triples that are
 * linked are joined together.
 */
import { parseAddressPort } from './address-port.js';
import type { HeldFlow } from './held-flow.js';

/** An address and port that is dialled. */
export interface ServerPlace {
  readonly key: string;
  readonly scope: string;
  readonly address: string;
  readonly port: number;
  /** Hosts that have a server's socket there → flows that say so. */
  readonly owners: Map<string, number>;
  readonly meetings: Set<Meeting>;
}

export interface Meeting {
  readonly key: string;
  readonly place: ServerPlace;
  readonly clientAddress: string;
  /** Flows that the client's host states. */
  readonly rows: Set<HeldFlow>;
  /** Flows that the server's host states. */
  readonly columns: Set<HeldFlow>;
  /** Forwarded flows that come to a translator by this triple … */
  readonly onward: Set<HeldFlow>;
  /** … and that leave one by it. */
  readonly back: Set<HeldFlow>;
}

/** Triples that a flow is at: where its client's side meets others, and where its server's side does. Mostly one. */
export interface Span {
  readonly from: Meeting;
  readonly to: Meeting;
}

export class Meetings {
  readonly #meetings = new Map<string, Meeting>();
  readonly #places = new Map<string, ServerPlace>();
  readonly #spans = new Map<HeldFlow, Span>();

  get size(): number {
    return this.#meetings.size;
  }

  all(): Iterable<Meeting> {
    return this.#meetings.values();
  }

  flows(): Iterable<HeldFlow> {
    return this.#spans.keys();
  }

  spanOf(flow: HeldFlow): Span | undefined {
    return this.#spans.get(flow);
  }

  /** Adds a flow that has one end on its host, or none. */
  add(flow: HeldFlow): Span {
    const { scope, client, server, via, clientVia, kind } = flow.definition;
    const seenClient = clientVia === '' ? client.address : clientVia;
    const dialled = kind === 'forwarded' || server.isHere ? parseAddressPort(via) : undefined;
    const isRow = kind === 'ends' && client.isHere;
    const to = this.#meeting(scope, isRow || kind === 'forwarded' ? seenClient : client.address, server);
    // A server of which the address means something on its host only is dialled by one that means the same everywhere.
    const from =
      dialled === undefined && (kind === 'ends' || clientVia === '')
        ? to
        : this.#meeting(kind === 'ends' ? '' : scope, client.address, dialled ?? server);
    const span = { from, to };
    this.#spans.set(flow, span);
    if (kind === 'forwarded') {
      from.onward.add(flow);
      to.back.add(flow);
    } else if (isRow) to.rows.add(flow);
    else {
      from.columns.add(flow);
      to.columns.add(flow);
    }
    return span;
  }

  remove(flow: HeldFlow): Span | undefined {
    const span = this.#spans.get(flow);
    if (span === undefined) return undefined;
    this.#spans.delete(flow);
    for (const meeting of new Set([span.from, span.to])) {
      meeting.rows.delete(flow);
      meeting.columns.delete(flow);
      meeting.onward.delete(flow);
      meeting.back.delete(flow);
      const { rows, columns, onward, back, place } = meeting;
      if (rows.size + columns.size + onward.size + back.size > 0) continue;
      this.#meetings.delete(meeting.key);
      place.meetings.delete(meeting);
      this.#dropEmpty(place);
    }
    return span;
  }

  /** Counts a flow that says that this host has a server's socket there. @returns the place if that changes who has */
  own(
    host: string,
    scope: string,
    server: { address: string; port: number },
    by: 1 | -1,
  ): ServerPlace | undefined {
    const place = this.#place(scope, server);
    const before = place.owners.get(host) ?? 0;
    if (before + by > 0) place.owners.set(host, before + by);
    else place.owners.delete(host);
    this.#dropEmpty(place);
    return before > 0 === before + by > 0 ? undefined : place;
  }

  /** All that are joined together with this one. */
  linked(start: Meeting): Set<Meeting> {
    const found = new Set([start]);
    for (const meeting of found) {
      for (const flows of [meeting.columns, meeting.onward, meeting.back]) {
        for (const flow of flows) {
          const span = this.#spans.get(flow)!;
          found.add(span.from).add(span.to);
        }
      }
    }
    return found;
  }

  #meeting(scope: string, clientAddress: string, server: { address: string; port: number }): Meeting {
    const key = `${scope}\n${clientAddress}\n${server.address}\n${server.port}`;
    let meeting = this.#meetings.get(key);
    if (meeting === undefined) {
      const place = this.#place(scope, server);
      meeting = {
        key,
        place,
        clientAddress,
        rows: new Set(),
        columns: new Set(),
        onward: new Set(),
        back: new Set(),
      };
      this.#meetings.set(key, meeting);
      place.meetings.add(meeting);
    }
    return meeting;
  }

  #place(scope: string, { address, port }: { address: string; port: number }): ServerPlace {
    const key = `${scope}\n${address}\n${port}`;
    let place = this.#places.get(key);
    if (place === undefined) {
      place = { key, scope, address, port, owners: new Map(), meetings: new Set() };
      this.#places.set(key, place);
    }
    return place;
  }

  #dropEmpty({ key, owners, meetings }: ServerPlace): void {
    if (owners.size === 0 && meetings.size === 0) this.#places.delete(key);
  }
}
