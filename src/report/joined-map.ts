/**
 * A map whose values are merged from versions that come and go. Adding a version merges it into what is there;
 * taking one away leaves its key to be merged afresh from the versions that remain, once, however many went.
 *
 * Bound: what its owner adds and has not taken away.
 */

export class JoinedMap<V> {
  /** The merged values; up to date after `settle`. */
  readonly values = new Map<string, V>();
  readonly #versions = new Map<string, V[]>();
  readonly #unsettled = new Set<string>();
  readonly #merge: (versions: readonly V[]) => V;

  constructor(merge: (versions: readonly V[]) => V) {
    this.#merge = merge;
  }

  add(map: ReadonlyMap<string, V>): void {
    for (const [key, version] of map) {
      const versions = this.#versions.get(key);
      if (versions === undefined) {
        this.#versions.set(key, [version]);
        this.values.set(key, version);
        continue;
      }
      versions.push(version);
      if (!this.#unsettled.has(key)) this.values.set(key, this.#merge([this.values.get(key) as V, version]));
    }
  }

  /** Takes away what `add` was given; versions are known by identity. */
  remove(map: ReadonlyMap<string, V>): void {
    for (const [key, version] of map) {
      const versions = this.#versions.get(key);
      const index = versions?.indexOf(version) ?? -1;
      if (versions === undefined || index < 0) continue;
      versions.splice(index, 1);
      if (versions.length > 0) {
        this.#unsettled.add(key);
        continue;
      }
      this.#versions.delete(key);
      this.#unsettled.delete(key);
      this.values.delete(key);
    }
  }

  settle(): void {
    for (const key of this.#unsettled) {
      const versions = this.#versions.get(key);
      if (versions !== undefined) this.values.set(key, this.#merge(versions));
    }
    this.#unsettled.clear();
  }
}
