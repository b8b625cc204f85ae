/**
 * Where the statements of several hosts meet: the triple of client address, server address and server port. What leads from
 * one triple to another (a translator's forwarded flow, a server behind a published port) links the two; triples that are
 * linked are joined together.
 */
import { parseAddressPort } from '../../report/model/address-port.js';
import { members, sizeOf, withMember, withoutMember, type Few } from './few.js';
import type { HeldFlow } from './held-flow.js';
import type { Places } from './joined-list.js';
import { Owners } from './owners.js';

/** An address and port that is dialled. */
export interface ServerPlace {
  readonly key: string;
  readonly scope: string;
  readonly address: string;
  /** Hosts that have a server's socket there. */
  readonly owners: Owners;
  meetings: Few<Meeting>;
}

export interface Meeting {
  readonly key: string;
  readonly place: ServerPlace;
  readonly clientAddress: string;
  /** Flows that the client's host states. */
  rows: Few<HeldFlow>;
  /** Flows that the server's host states. */
  columns: Few<HeldFlow>;
  /** Forwarded flows that come to a translator by this triple … */
  onward: Few<HeldFlow>;
  /** … and that leave one by it. */
  back: Few<HeldFlow>;
  /** What it is joined with, and what that gave; undefined until it is joined (anew). */
  linked: Linked | undefined;
}

/** Triples that are joined together, and what that gives. */
export interface Linked {
  readonly meetings: Few<Meeting>;
  readonly places: Places;
}

/** Triples that a flow is at: where its client's side meets others, and where its server's side does. Mostly one. */
export interface Span {
  readonly from: Meeting;
  readonly to: Meeting;
}

export class Meetings {
  readonly #meetings = new Map<string, Meeting>();
  readonly #places = new Map<string, ServerPlace>();
  /** A meeting itself where the span is that one alone. */
  readonly #spans = new Map<HeldFlow, Span | Meeting>();

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
    const span = this.#spans.get(flow);
    return span === undefined || 'from' in span ? span : { from: span, to: span };
  }

  /** Adds the triples that a flow is at. @returns whether it is at any */
  addTo(found: Set<Meeting>, flow: HeldFlow): boolean {
    const span = this.#spans.get(flow);
    if (span === undefined) return false;
    if ('from' in span) found.add(span.from).add(span.to);
    else found.add(span);
    return true;
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
    this.#spans.set(flow, from === to ? to : { from, to });
    if (kind === 'forwarded') {
      from.onward = withMember(from.onward, flow);
      to.back = withMember(to.back, flow);
    } else if (isRow) to.rows = withMember(to.rows, flow);
    else {
      from.columns = withMember(from.columns, flow);
      to.columns = withMember(to.columns, flow);
    }
    return { from, to };
  }

  remove(flow: HeldFlow): Span | undefined {
    const span = this.spanOf(flow);
    if (span === undefined) return undefined;
    this.#spans.delete(flow);
    for (const meeting of span.from === span.to ? [span.to] : [span.from, span.to]) {
      meeting.rows = withoutMember(meeting.rows, flow);
      meeting.columns = withoutMember(meeting.columns, flow);
      meeting.onward = withoutMember(meeting.onward, flow);
      meeting.back = withoutMember(meeting.back, flow);
      if (!isEmpty(meeting)) continue;
      const { key, place } = meeting;
      this.#meetings.delete(key);
      place.meetings = withoutMember(place.meetings, meeting);
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
    const isOther = place.owners.add(host, by);
    this.#dropEmpty(place);
    return isOther ? place : undefined;
  }

  /** All that are joined together with this one. */
  linked(start: Meeting): Few<Meeting> {
    if (!this.#hasLinks(start)) return start;
    const found = new Set([start]);
    for (const { columns, onward, back } of found) {
      for (const flows of [columns, onward, back]) {
        for (const flow of members(flows)) {
          const { from, to } = this.spanOf(flow)!;
          found.add(from).add(to);
        }
      }
    }
    return found.size === 1 ? start : found;
  }

  #hasLinks({ columns, onward, back }: Meeting): boolean {
    if (onward !== undefined || back !== undefined) return true;
    for (const column of members(columns)) if ('from' in this.#spans.get(column)!) return true;
    return false;
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
        rows: undefined,
        columns: undefined,
        onward: undefined,
        back: undefined,
        linked: undefined,
      };
      this.#meetings.set(key, meeting);
      place.meetings = withMember(place.meetings, meeting);
    }
    return meeting;
  }

  #place(scope: string, { address, port }: { address: string; port: number }): ServerPlace {
    const key = `${scope}\n${address}\n${port}`;
    let place = this.#places.get(key);
    if (place === undefined) {
      place = { key, scope, address, owners: new Owners(), meetings: undefined };
      this.#places.set(key, place);
    }
    return place;
  }

  #dropEmpty({ key, owners, meetings }: ServerPlace): void {
    if (owners.size === 0 && sizeOf(meetings) === 0) this.#places.delete(key);
  }
}

export function isEmpty({ rows, columns, onward, back }: Meeting): boolean {
  return sizeOf(rows) + sizeOf(columns) + sizeOf(onward) + sizeOf(back) === 0;
}
