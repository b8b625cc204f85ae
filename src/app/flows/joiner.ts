/**
 * Keeps the joined flows up to date: what changes is joined anew with all that it is linked to, and nothing else is.
 */
import { Ends } from './ends.js';
import { members } from './few.js';
import type { HeldFlow } from './held-flow.js';
import { joinLinked, joinWhole, type JoinContext } from './join.js';
import type { JoinedFlow } from './joined-flow.js';
import { JoinedList, type Places } from './joined-list.js';
import { isEmpty, Meetings, type Meeting } from './meetings.js';
import { WhoIsMeant } from './who-is-meant.js';

export class Joiner {
  readonly #context: JoinContext = { meetings: new Meetings(), meant: new WhoIsMeant(), ends: new Ends() };
  /** Flows of which both ends are on one host. */
  readonly #whole = new Map<HeldFlow, Places>();
  readonly #list = new JoinedList();
  readonly #dirty = new Set<Meeting>();
  /** Whatever meetings there are, when somebody asks next. */
  #isAllDirty = false;
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

  /** Triples where statements may meet. */
  get triples(): number {
    return this.#context.meetings.size;
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
    this.touch();
  }

  /** Before its definition changes. */
  remove(flow: HeldFlow): void {
    if (this.#whole.has(flow)) {
      this.#list.replace(this.#whole.get(flow), []);
      this.#whole.delete(flow);
      this.#dirtyWhole.delete(flow);
    } else {
      const span = this.#context.meetings.remove(flow);
      if (span === undefined) return;
      this.#dirty.add(span.from).add(span.to);
    }
    this.#own(flow, -1);
    this.touch();
  }

  /** What it did in the window is another. */
  changed(flow: HeldFlow): void {
    if (this.#whole.has(flow)) this.#dirtyWhole.add(flow);
    else if (!this.#context.meetings.addTo(this.#dirty, flow)) return;
    this.touch();
  }

  noteHost(host: string, localNetworks: readonly string[]): void {
    if (this.#context.meant.noteHost(host, localNetworks)) this.#allDirty();
  }

  forgetHost(host: string): void {
    if (this.#context.meant.forgetHost(host)) this.#allDirty();
  }

  /** Something that joined flows read for themselves has changed. */
  touch(): void {
    this.#version++;
    this.#joined = undefined;
  }

  /** All that is joined; the same array until something changes. */
  joined(): readonly JoinedFlow[] {
    if (this.#joined !== undefined) return this.#joined;
    const { ends, meetings } = this.#context;
    for (const flow of this.#dirtyWhole) {
      const joined = joinWhole(flow, ends);
      this.#whole.set(flow, this.#list.replace(this.#whole.get(flow), joined === undefined ? [] : [joined]));
    }
    this.#dirtyWhole.clear();
    this.#joinDirty();
    this.#joined = this.#list.all();
    ends.sweep(this.#joined, [this.#whole.keys(), meetings.flows()]);
    return this.#joined;
  }

  #joinDirty(): void {
    if (this.#isAllDirty) for (const meeting of this.#context.meetings.all()) this.#dirty.add(meeting);
    this.#isAllDirty = false;
    // A link that is gone leaves its triples apart: all that was joined together is looked at again.
    for (const { linked } of this.#dirty)
      if (linked?.meetings instanceof Set) for (const other of linked.meetings) this.#dirty.add(other);
    const done = new Set<Meeting>();
    for (const meeting of this.#dirty) {
      if (done.has(meeting)) continue;
      const meetings = isEmpty(meeting) ? meeting : this.#context.meetings.linked(meeting);
      let before: Places;
      for (const one of members(meetings)) {
        done.add(one);
        const { linked } = one;
        if (linked === undefined) continue;
        if (before === undefined) before = linked.places;
        else if (before !== linked.places) this.#list.replace(linked.places, []);
        for (const other of members(linked.meetings)) other.linked = undefined;
      }
      const places = this.#list.replace(before, joinLinked(meetings, this.#context));
      const linked = isEmpty(meeting) ? undefined : { meetings, places };
      for (const one of members(meetings)) one.linked = linked;
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
    if (place !== undefined) for (const meeting of members(place.meetings)) this.#dirty.add(meeting);
  }

  #allDirty(): void {
    this.#isAllDirty = true;
    this.touch();
  }
}

function isWhole({ definition: { kind, client, server } }: HeldFlow): boolean {
  return kind === 'ends' && client.isHere && server.isHere;
}
