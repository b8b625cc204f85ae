/**
 * Networks that several hosts have under the same interface address: no network has an address twice, so they are several
 * networks of the same addresses. It is so with bridges for containers and virtual machines, which every host has.
 */
import ipaddr from 'ipaddr.js';
import { isLinkOnly, NetworkSet } from './networks.js';

interface HostNetworks {
  /** As `172.17.0.1/16`: the interface's address, with the prefix of its network. */
  readonly interfaces: ReadonlySet<string>;
  readonly said: readonly string[];
  atMs: number;
}

export class SharedNetworks {
  readonly #hosts = new Map<string, HostNetworks>();
  /** Interface → hosts that have it; those of several only. */
  #shared: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  readonly #sets = new Map<string, NetworkSet>();

  /** @param said the host's local networks @returns whether they are others than before */
  note(host: string, said: readonly string[], nowMs: number): boolean {
    const known = this.#hosts.get(host);
    if (known !== undefined && sameTexts(known.said, said)) {
      known.atMs = nowMs;
      return false;
    }
    this.#hosts.set(host, { interfaces: new Set(said.filter(isInterface)), said, atMs: nowMs });
    this.#compare();
    return true;
  }

  /** @returns whether anything was known of it */
  forget(host: string): boolean {
    const wasKnown = this.#hosts.delete(host);
    if (wasKnown) this.#compare();
    return wasKnown;
  }

  forgetBefore(oldestMs: number): void {
    let gone = false;
    for (const [host, { atMs }] of this.#hosts) if (atMs < oldestMs) gone = this.#hosts.delete(host) || gone;
    if (gone) this.#compare();
  }

  /** Whether some other host has an interface address of this one. */
  isSharing(host: string): boolean {
    for (const hosts of this.#shared.values()) if (hosts.has(host)) return true;
    return false;
  }

  /** Whether the address is in a network of this host that others have, too. */
  mayBeApart(host: string, address: string): boolean {
    for (const [cidr, hosts] of this.#shared) if (hosts.has(host) && this.#has(cidr, address)) return true;
    return false;
  }

  /** Whether the address is in two networks, one of each host. */
  areApart(a: string, b: string, address: string): boolean {
    for (const [cidr, hosts] of this.#shared)
      if (hosts.has(a) && hosts.has(b) && this.#has(cidr, address)) return true;
    return false;
  }

  /** The interface's own address is left out: it is the host's, and what looks like two hosts may share it. */
  #has(cidr: string, address: string): boolean {
    if (cidr.startsWith(`${address}/`)) return false;
    let set = this.#sets.get(cidr);
    if (set === undefined) {
      set = new NetworkSet();
      set.add(cidr);
      this.#sets.set(cidr, set);
    }
    return set.contains(address);
  }

  #compare(): void {
    const hostsOf = new Map<string, Set<string>>();
    for (const [host, { interfaces }] of this.#hosts) {
      for (const cidr of interfaces) {
        const hosts = hostsOf.get(cidr);
        if (hosts === undefined) hostsOf.set(cidr, new Set([host]));
        else hosts.add(host);
      }
    }
    this.#shared = new Map([...hostsOf].filter(([, hosts]) => hosts.size > 1));
    for (const cidr of this.#sets.keys()) if (!this.#shared.has(cidr)) this.#sets.delete(cidr);
  }
}

/** Told by an interface's address, and a network of more than that. */
function isInterface(cidr: string): boolean {
  if (!ipaddr.isValidCIDR(cidr)) return false;
  const [address, bits] = ipaddr.parseCIDR(cidr);
  if (bits === address.toByteArray().length * 8 || isLinkOnly(address.toString())) return false;
  const host = address
    .toByteArray()
    .map((byte, i) => byte & (0xff >> Math.max(0, Math.min(8, bits - i * 8))));
  return host.some((byte) => byte !== 0);
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((text, i) => text === b[i]));
}
