/**
 * Keeps the joined flows up to date: what changes is joined anew with all that it is linked to, and nothing else is.
 */
import { Ends } from './ends.js';
import type { HeldFlow } from './held-flow.js';
import { joinLinked, joinWhole, type JoinContext } from './join.js';
import type { JoinedFlow } from './joined-flow.js';
import { Meetings, type Meeting } from './meetings.js';
import { WhoIsMeant } from './who-is-meant.js';

/** Triples that are joined together, and what that gives. */
interface Linked {
  readonly meetings: ReadonlySet<Meeting>;
  readonly joined: readonly JoinedFlow[];
}

export class Joiner {
  readonly #context: JoinContext = { meetings: new Meetings(), meant: new WhoIsMeant(), ends: new Ends() };
  /** Flows of which both ends are on one host. */
  readonly #whole = new Map<HeldFlow, JoinedFlow | undefined>();
  readonly #linked = new Map<Meeting, Linked>();
  readonly #dirty = new Set<Meeting>();
  readonly #dirtyWhole = new Set<HeldFlow>();
  /** Address → ends at it that some probe has seen. */
  readonly #owned = new Map<string, number>();
  #joined: readonly JoinedFlow[] | undefined = [];
  #version = 0;

  /** Changes with whatever is joined. */
  get version(): number {
    return this.#version;
  }

  /** Whether some probe has seen an end at this address. */
  isOwned(address: string): boolean {
    return this.#owned.has(address);
  }

  get counts(): { readonly triples: number; readonly ends: number } {
    return { triples: this.#context.meetings.size, ends: this.#context.ends.size };
  }

  add(flow: HeldFlow): void {
    this.#own(flow, 1);
    if (isWhole(flow)) {
      this.#whole.set(flow, undefined);
      this.#dirtyWhole.add(flow);
    } else {
      const { from, to } = this.#context.meetings.add(flow);
      this.#dirty.add(from).add(to);
    }
    this.#touch();
  }

  /** Before its definition changes. */
  remove(flow: HeldFlow): void {
    if (this.#whole.delete(flow)) {
      this.#dirtyWhole.delete(flow);
    } else {
      const span = this.#context.meetings.remove(flow);
      if (span === undefined) return;
      this.#dirty.add(span.from).add(span.to);
    }
    this.#own(flow, -1);
    this.#touch();
  }

  /** Its numbers are others, or their window is. */
  changed(flow: HeldFlow): void {
    if (this.#whole.has(flow)) this.#dirtyWhole.add(flow);
    else {
      const span = this.#context.meetings.spanOf(flow);
      if (span === undefined) return;
      this.#dirty.add(span.from).add(span.to);
    }
    this.#touch();
  }

  noteHost(host: string, localNetworks: readonly string[]): void {
    if (this.#context.meant.noteHost(host, localNetworks)) this.#allDirty();
  }

  forgetHost(host: string): void {
    if (this.#context.meant.forgetHost(host)) this.#allDirty();
  }

  /** All that is joined; the same array until something changes. */
  joined(): readonly JoinedFlow[] {
    if (this.#joined !== undefined) return this.#joined;
    for (const flow of this.#dirtyWhole) this.#whole.set(flow, joinWhole(flow, this.#context.ends));
    this.#dirtyWhole.clear();
    this.#joinDirty();
    const joined: JoinedFlow[] = [];
    for (const one of this.#whole.values()) if (one !== undefined) joined.push(one);
    for (const [meeting, linked] of this.#linked) {
      // What is joined together is listed with the first of its triples.
      if (first(linked.meetings) === meeting) for (const one of linked.joined) joined.push(one);
    }
    this.#context.ends.sweep(joined, [this.#whole.keys(), this.#context.meetings.flows()]);
    this.#joined = joined;
    return joined;
  }

  #joinDirty(): void {
    // A link that is gone leaves its triples apart: all that was joined together is looked at again.
    for (const meeting of this.#dirty) {
      const linked = this.#linked.get(meeting);
      if (linked === undefined) continue;
      for (const other of linked.meetings) {
        this.#linked.delete(other);
        this.#dirty.add(other);
      }
    }
    const done = new Set<Meeting>();
    for (const meeting of this.#dirty) {
      if (done.has(meeting) || isEmpty(meeting)) continue;
      const meetings = this.#context.meetings.linked(meeting);
      const linked = { meetings, joined: joinLinked(meetings, this.#context) };
      for (const one of meetings) {
        done.add(one);
        this.#linked.set(one, linked);
      }
    }
    this.#dirty.clear();
  }

  #own(flow: HeldFlow, by: 1 | -1): void {
    const { client, server, scope, kind } = flow.definition;
    for (const { isHere, address } of [client, server]) {
      if (!isHere) continue;
      const count = (this.#owned.get(address) ?? 0) + by;
      if (count === 0) this.#owned.delete(address);
      else this.#owned.set(address, count);
    }
    if (kind !== 'ends' || !server.isHere) return;
    const place = this.#context.meetings.own(flow.host, scope, server, by);
    if (place !== undefined) for (const meeting of place.meetings) this.#dirty.add(meeting);
  }

  #touch(): void {
    this.#version++;
    this.#joined = undefined;
  }

  #allDirty(): void {
    for (const meeting of this.#context.meetings.all()) this.#dirty.add(meeting);
    this.#touch();
  }
}

function isWhole({ definition: { kind, client, server } }: HeldFlow): boolean {
  return kind === 'ends' && client.isHere && server.isHere;
}

function isEmpty({ rows, columns, onward, back }: Meeting): boolean {
  return rows.size + columns.size + onward.size + back.size === 0;
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  return set.values().next().value;
}
