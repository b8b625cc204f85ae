/**
 * Facts by id, each kept as the distinct things that probes said about it, and what these say together.
 *
 * Statements say what changed: what is stated stands until its probe states something else. Reports repeat everything every
 * few seconds: saying the same again only renews the part it said before, so memory and the cost of an arrival follow what
 * is different. Parts that no report of the window repeats are dropped, and only ids whose meaning changed are handed on.
 */

import type { Timestamp } from '../../report/model/model.js';

export interface FactRules<V> {
  /** The same thing said again: they differ at most in times and samples. */
  readonly alike: (a: V, b: V) => boolean;
  /** Nothing that views show differs; times do not count. */
  readonly same: (a: V, b: V) => boolean;
  /** True when the two contradict each other, so that the times they were said at decide. */
  readonly conflict: (a: V, b: V) => boolean;
  /** What several values say together; at least one is given. */
  readonly merge: (values: readonly V[]) => V;
  /** Takes the place of `old` when the same is said again; keeps what must outlive one report (samples). */
  readonly renew: (old: V, fresh: V) => V;
  /** The value as if said at `at`, for values that are not replaced when they are said again. */
  readonly restamp?: (value: V, at: Timestamp) => V;
  /** Takes the place of `old`, which is so no longer; keeps what must outlive it (samples). */
  readonly succeed: (old: V, fresh: V) => V;
  /** Estimated bytes of memory. */
  readonly weigh: (value: V) => number;
}

/** How much there is, or would be. */
export interface Amount {
  parts: number;
  bytes: number;
}

interface Part<V> {
  readonly probe: string;
  value: V;
  /** Number of the last report that said so. */
  lastReport: number;
  /** When that report says it was, for values that are not replaced. */
  heardAt: Timestamp | undefined;
  /** Of the encoded value, where it is known. */
  digest: number | undefined;
  bytes: number;
}

/** One id's parts; reports hold on to these to let go of them later. */
export interface Entry<V> {
  readonly id: string;
  readonly parts: Part<V>[];
  conflicting: boolean;
}

export class FactStore<V> {
  readonly #rules: FactRules<V>;
  /** Bounded by the window's limits, which `weighNew` lets the caller check first. */
  readonly #entries = new Map<string, Entry<V>>();
  readonly #merged = new Map<string, V>();
  /** Ids to merge anew. */
  readonly #dirty = new Set<string>();
  #parts = 0;
  #bytes = 0;

  constructor(rules: FactRules<V>) {
    this.#rules = rules;
  }

  /** What is said about every id, as of the last `settle`. Changes in place. */
  get merged(): ReadonlyMap<string, V> {
    return this.#merged;
  }

  get amount(): Readonly<Amount> {
    return { parts: this.#parts, bytes: this.#bytes };
  }

  /** Adds to `sum` what these values would add to the store. */
  weighNew(probe: string, values: ReadonlyMap<string, V>, sum: Amount): void {
    for (const [id, value] of values) {
      const entry = this.#entries.get(id);
      if (entry !== undefined && this.#partLike(entry, probe, value) !== undefined) continue;
      sum.parts++;
      sum.bytes += this.#rules.weigh(value);
    }
  }

  /** What `probe` says about `id` already, if it was encoded with this digest. */
  recall(probe: string, id: string, digest: number): V | undefined {
    return this.#entries.get(id)?.parts.find((part) => part.digest === digest && part.probe === probe)?.value;
  }

  /** Notes what report number `report` of `probe` says about `id`. @param digest of the encoded value, where it is known */
  add(probe: string, report: number, id: string, value: V, at?: Timestamp, digest?: number): Entry<V> {
    let entry = this.#entries.get(id);
    if (entry === undefined) this.#entries.set(id, (entry = { id, parts: [], conflicting: false }));
    const part = this.#partLike(entry, probe, value);
    if (part === undefined) {
      const bytes = this.#rules.weigh(value);
      entry.parts.push({ probe, value, lastReport: report, heardAt: undefined, digest, bytes });
      this.#parts++;
      this.#bytes += bytes;
      this.#dirty.add(id);
      return entry;
    }
    part.lastReport = report;
    if (digest !== undefined) part.digest = digest;
    if (this.#rules.restamp !== undefined && value === part.value) {
      part.heardAt = at;
      if (entry.conflicting) this.#dirty.add(id);
      return entry;
    }
    const renewed = this.#rules.renew(part.value, value);
    if (entry.conflicting || !this.#rules.same(renewed, part.value)) this.#dirty.add(id);
    part.value = renewed;
    part.heardAt = undefined;
    const bytes = this.#rules.weigh(renewed);
    this.#bytes += bytes - part.bytes;
    part.bytes = bytes;
    return entry;
  }

  /** Adds to `sum` what the store would grow by if `probe` stated these values. */
  weighStated(probe: string, values: ReadonlyMap<string, V>, sum: Amount): void {
    for (const [id, value] of values) {
      const part = this.#partOf(probe, id);
      if (part === undefined) sum.parts++;
      sum.bytes += this.#rules.weigh(value) - (part?.bytes ?? 0);
    }
  }

  /** Notes what `probe` states about `id` until it states something else, or takes it back. */
  state(probe: string, id: string, value: V): void {
    const part = this.#partOf(probe, id);
    if (part === undefined) {
      this.add(probe, Infinity, id, value);
      return;
    }
    const next = this.#rules.succeed(part.value, value);
    if (this.#entries.get(id)!.conflicting || !this.#rules.same(next, part.value)) this.#dirty.add(id);
    const bytes = this.#rules.weigh(next);
    this.#bytes += bytes - part.bytes;
    Object.assign(part, { value: next, bytes, heardAt: undefined, digest: undefined, lastReport: Infinity });
  }

  /** What `probe` states about `id` now. */
  statedBy(probe: string, id: string): V | undefined {
    return this.#partOf(probe, id)?.value;
  }

  /** Drops all that `probe` says about `id`. */
  drop(probe: string, id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.release(entry, probe, Infinity);
  }

  /** Lets go of what `probe` has not said since report number `report`. */
  release(entry: Entry<V>, probe: string, report: number): void {
    const before = entry.parts.length;
    for (let index = before - 1; index >= 0; index--) {
      const part = entry.parts[index]!;
      if (part.probe !== probe || part.lastReport > report) continue;
      entry.parts.splice(index, 1);
      this.#bytes -= part.bytes;
    }
    const gone = before - entry.parts.length;
    if (gone === 0) return;
    this.#parts -= gone;
    this.#dirty.add(entry.id);
    if (entry.parts.length === 0) this.#entries.delete(entry.id);
  }

  /** Brings `merged` up to date. @param changed gets each id that changed, with its value or undefined when it is gone */
  settle(changed: (id: string, value: V | undefined, old: V | undefined) => void): void {
    for (const id of this.#dirty) {
      const entry = this.#entries.get(id);
      const old = this.#merged.get(id);
      if (entry === undefined) {
        if (this.#merged.delete(id)) changed(id, undefined, old);
        continue;
      }
      const versions = entry.parts.map((part) => this.#heard(part));
      const value = this.#join(versions);
      entry.conflicting =
        entry.parts.length > 1 && entry.parts.some((part) => this.#rules.conflict(part.value, value));
      this.#merged.set(id, value);
      if (old === undefined || !this.#rules.same(old, value)) changed(id, value, old);
    }
    this.#dirty.clear();
  }

  /** Everything with its newest times, which `merged` does not follow while nothing else changes. */
  *newest(): Iterable<[string, V]> {
    for (const [id, { parts }] of this.#entries)
      yield [id, this.#join(parts.map((part) => this.#heard(part)))];
  }

  #join(versions: readonly V[]): V {
    return versions.length === 1 ? versions[0]! : this.#rules.merge(versions);
  }

  #heard({ value, heardAt }: Part<V>): V {
    return heardAt === undefined || this.#rules.restamp === undefined
      ? value
      : this.#rules.restamp(value, heardAt);
  }

  #partOf(probe: string, id: string): Part<V> | undefined {
    return this.#entries.get(id)?.parts.find((part) => part.probe === probe);
  }

  #partLike({ parts }: Entry<V>, probe: string, value: V): Part<V> | undefined {
    return parts.find(
      (part) => part.probe === probe && (part.value === value || this.#rules.alike(part.value, value)),
    );
  }
}
