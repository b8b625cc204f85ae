/**
 * The networks that are local to the fleet: what lies outside them is the Internet.
 *
 * They are the union of what every host (and overlay) calls local, and the smallest network that holds the
 * services' cluster addresses, which no interface of any host has.
 */
import ipaddr from 'ipaddr.js';
import { FACT, latestOf } from '../../report/keys.js';
import type { Report } from '../../report/model/model.js';

/** A set of CIDR networks that answers "is this address in one of them", and in which. */
export class NetworkSet {
  /** Address bits and prefix length → masked addresses in hexadecimal. */
  readonly #byPrefix = new Map<string, { bits: 32 | 128; length: number; bases: Set<string> }>();
  /** Addresses that the networks were told by: an interface's own address with the prefix of its network. */
  readonly #interfaces = new Set<string>();
  /** Answers already given; at most ANSWERS_MAX, then forgotten at once. */
  readonly #answers = new Map<string, string | undefined>();

  /** Adds `10.0.0.0/8` or `fe80::/10`; text that is not a network is ignored. */
  add(cidr: string): void {
    let parsed: [ipaddr.IPv4 | ipaddr.IPv6, number];
    try {
      parsed = ipaddr.parseCIDR(cidr);
    } catch {
      return; // one host's odd interface must not take the picture away
    }
    const bytes = parsed[0].toByteArray();
    const bits = bytes.length === 4 ? 32 : 128;
    const key = `${bits}/${parsed[1]}`;
    let entry = this.#byPrefix.get(key);
    if (entry === undefined) this.#byPrefix.set(key, (entry = { bits, length: parsed[1], bases: new Set() }));
    const base = mask(bytes, parsed[1]);
    entry.bases.add(base);
    if (base !== Buffer.from(bytes).toString('hex') || parsed[1] === bits)
      this.#interfaces.add(parsed[0].toString());
    this.#answers.clear();
  }

  /** False also for text that is no address. */
  contains(address: string): boolean {
    return this.find(address) !== undefined;
  }

  /** Whether a network was told by this very address: it is an interface's. */
  isInterface(address: string): boolean {
    return this.#interfaces.has(address);
  }

  /** The smallest of the networks with this address, as `10.0.0.0/8`. */
  find(address: string): string | undefined {
    if (this.#answers.has(address)) return this.#answers.get(address);
    const answer = this.#look(address);
    if (this.#answers.size >= ANSWERS_MAX) this.#answers.clear();
    this.#answers.set(address, answer);
    return answer;
  }

  #look(address: string): string | undefined {
    if (!ipaddr.isValid(address)) return undefined;
    const bytes = ipaddr.process(address).toByteArray();
    let found: string | undefined;
    let foundLength = -1;
    for (const { bits, length, bases } of this.#byPrefix.values()) {
      if (bits !== bytes.length * 8 || length <= foundLength) continue;
      const base = mask(bytes, length);
      if (!bases.has(base)) continue;
      foundLength = length;
      found = `${ipaddr.fromByteArray([...Buffer.from(base, 'hex')]).toString()}/${length}`;
    }
    return found;
  }
}

const ANSWERS_MAX = 100_000;

function mask(bytes: readonly number[], length: number): string {
  const kept = bytes.map(
    (byte, index) => byte & (0xff00 >> Math.max(0, Math.min(8, length - index * 8))) & 0xff,
  );
  return Buffer.from(kept).toString('hex');
}

/** The fleet's local networks as its hosts report them. */
export function localNetworks(report: Report): NetworkSet {
  const networks = new NetworkSet();
  for (const key of ['Host', 'Overlay'] as const) {
    for (const node of report.topologies.get(key)?.nodes.values() ?? []) {
      for (const cidr of node.sets?.get(FACT.localNetworks) ?? []) networks.add(cidr);
    }
  }
  const services = serviceNetwork(report);
  if (services !== undefined) networks.add(services);
  return networks;
}

/** The smallest IPv4 network with every service's cluster address. */
function serviceNetwork(report: Report): string | undefined {
  let lowest = 0xffffffff;
  let highest = -1;
  for (const node of report.topologies.get('Service')?.nodes.values() ?? []) {
    const address = latestOf(node, FACT.kubernetesIp);
    if (address === undefined || !ipaddr.IPv4.isValidFourPartDecimal(address)) continue;
    const value = ipaddr.IPv4.parse(address)
      .toByteArray()
      .reduce((sum, byte) => sum * 256 + byte, 0);
    lowest = Math.min(lowest, value);
    highest = Math.max(highest, value);
  }
  if (highest < 0) return undefined;
  const length = Math.clz32((lowest ^ highest) >>> 0);
  const base = length === 0 ? 0 : (lowest & (0xffffffff << (32 - length))) >>> 0;
  return `${[24, 16, 8, 0].map((shift) => (base >>> shift) & 0xff).join('.')}/${length}`;
}

/** True for an address that only means something on one machine or link, wherever the networks are. */
export function isLinkOnly(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const range = ipaddr.process(address).range();
  return range === 'loopback' || range === 'linkLocal' || range === 'unspecified' || range === 'multicast';
}
