/** Hosts that have a server's socket at one address, each with how many flows say so: mostly one host. */
export class Owners {
  #host: string | undefined;
  #count = 0;
  #others: Map<string, number> | undefined;

  get size(): number {
    return (this.#host === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  has(host: string): boolean {
    return this.#host === host || this.#others?.has(host) === true;
  }

  hosts(): string[] {
    return [...(this.#host === undefined ? [] : [this.#host]), ...(this.#others?.keys() ?? [])];
  }

  /** @returns whether that changes who is an owner */
  add(host: string, by: 1 | -1): boolean {
    if (this.#host === undefined && by > 0 && this.#others?.has(host) !== true) {
      this.#host = host;
      this.#count = 1;
      return true;
    }
    if (this.#host === host) {
      this.#count += by;
      if (this.#count > 0) return false;
      this.#host = undefined;
      return true;
    }
    const others = (this.#others ??= new Map<string, number>());
    const before = others.get(host) ?? 0;
    if (before + by > 0) others.set(host, before + by);
    else others.delete(host);
    if (others.size === 0) this.#others = undefined;
    return before > 0 !== before + by > 0;
  }
}
