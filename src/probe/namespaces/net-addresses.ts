/**
 * The interfaces' addresses of every network namespace, asked of the kernel by netlink, or read from /proc where its
 * namespace may not be entered: which networks are this machine's, and which namespace an address is in.
 */
import { readFile } from 'node:fs/promises';
import ipaddr from 'ipaddr.js';
import { AddonUnavailableError, openNetlink } from 'ebpf-bridge/netlink';
import type { NetNamespace } from 'ebpf-bridge/procfs';
import { dump, NetlinkError, NetlinkProtocol } from '../../netlink/index.js';
import {
  addressText,
  isIpv4,
  isLinkLocalAddress,
  isLoopbackAddress,
  sameAddress,
} from '../records/address.js';
import { findNamespaces, type ListNamespaces } from './net-namespaces.js';
import { addressesRequest, LIST_ADDRESSES, readAddresses, type InterfaceAddress } from './rtnetlink.js';

/** Interfaces change seldom; a new namespace is read at once. */
const REREAD_MS = 10_000;
/** Read at once and per refresh: the others wait for the next one. */
const READ_AT_ONCE = 8;
const READ_AT_MOST = 256;
/** Of a machine with more networks, these are reported. */
const MAX_NETWORKS = 1_000;
/** Addresses that no namespace has any more are remembered for so long, and so many. */
const REMEMBER_MS = 10 * 60_000;
const MAX_FORMER = 20_000;
/** An answer of more bytes than that, about a million addresses, has no end. */
const DUMP_BOUNDS = { readBytes: 64 * 1024, answerBytes: 64 * 1024 * 1024 } as const;
/** Interfaces may change under each dump: the last one is taken then, as all are read again soon. */
const MAX_TRIES = 3;

export interface NetAddressesOptions {
  readonly procRoot: string;
  /** Default: those of all processes below `procRoot`. */
  readonly listNamespaces?: ListNamespaces;
}

interface Known {
  addresses: readonly InterfaceAddress[];
  readAtMs: number;
}

export class NetAddresses {
  readonly #known = new Map<number, Known>();
  /** Owners of addresses that none has any more, the first to go first. */
  readonly #former = new Map<string, { readonly inodes: readonly number[]; readonly goneAtMs: number }>();
  readonly #procRoot: string;
  readonly #list: ListNamespaces;
  #listedAtMs = -Infinity;
  #networks: readonly string[] = [];
  #shared: readonly Int32Array[] = [];
  /** Inodes by address text; those of one namespace only, or of several. */
  #owners: ReadonlyMap<string, readonly number[]> = new Map();
  readonly #unreadable = new Set<number>();

  constructor({ procRoot, listNamespaces = () => findNamespaces(procRoot) }: NetAddressesOptions) {
    this.#procRoot = procRoot;
    this.#list = listNamespaces;
  }

  /** CIDR texts of all namespaces' networks, as of the last refresh; not those that every machine has. */
  networks(): readonly string[] {
    return this.#networks;
  }

  /** Inodes of the namespaces that have an interface with this address, or had it last within ten minutes. */
  namespacesOf(address: string): readonly number[] {
    return this.#owners.get(address) ?? this.#former.get(address)?.inodes ?? [];
  }

  /** How many namespaces were read, and in one line what could not be and what to do; undefined when all could. */
  summary(): { readonly read: number; readonly lack: string | undefined } {
    const unreadable = this.#unreadable.size;
    const lack =
      unreadable === 0
        ? undefined
        : `addresses of ${unreadable} of ${this.#known.size} network namespaces can't be read, so that what is in their ` +
          'networks is taken to be elsewhere; run the probe as root, or allow CAP_SYS_ADMIN and CAP_SYS_PTRACE';
    return { read: this.#known.size - unreadable, lack };
  }

  /** Addresses that several namespaces have, four words each. */
  shared(): readonly Int32Array[] {
    return this.#shared;
  }

  /** Reads what is new or was read a while ago. Never rejects: what can't be read is as it was, or not there. */
  async refresh(): Promise<void> {
    const now = performance.now();
    if (now - this.#listedAtMs < REREAD_MS / 10) return;
    this.#listedAtMs = now;
    const namespaces = await this.#list().catch(() => undefined);
    if (namespaces === undefined) return;
    const present = new Set(namespaces.map(({ inode }) => inode));
    for (const inode of this.#known.keys()) {
      if (present.has(inode)) continue;
      this.#known.delete(inode);
      this.#unreadable.delete(inode);
    }
    const readAt = ({ inode }: NetNamespace): number => this.#known.get(inode)?.readAtMs ?? -Infinity;
    const due = namespaces
      .filter((namespace) => now - readAt(namespace) >= REREAD_MS)
      .sort((a, b) => readAt(a) - readAt(b))
      .slice(0, READ_AT_MOST);
    for (let at = 0; at < due.length; at += READ_AT_ONCE) {
      await Promise.all(due.slice(at, at + READ_AT_ONCE).map((namespace) => this.#read(namespace, now)));
    }
    this.#summarise();
  }

  async #read({ inode, pid, path }: NetNamespace, now: number): Promise<void> {
    const addresses =
      (await askKernel(path)) ?? (pid === 0 ? undefined : await readText(`${this.#procRoot}/${pid}/net`));
    if (addresses === undefined) this.#unreadable.add(inode);
    else this.#unreadable.delete(inode);
    this.#known.set(inode, {
      addresses: addresses ?? this.#known.get(inode)?.addresses ?? [],
      readAtMs: now,
    });
  }

  #rememberFormer(owners: ReadonlyMap<string, readonly number[]>): void {
    const now = performance.now();
    for (const [address, inodes] of this.#owners) {
      if (owners.has(address)) continue;
      this.#former.delete(address);
      this.#former.set(address, { inodes, goneAtMs: now });
    }
    for (const [address, { goneAtMs }] of this.#former) {
      if (this.#former.size <= MAX_FORMER && now - goneAtMs < REMEMBER_MS) return;
      this.#former.delete(address);
    }
  }

  #summarise(): void {
    const networks = new Set<string>();
    const owners = new Map<string, number[]>();
    const shared = new Map<string, Int32Array>();
    for (const [inode, { addresses }] of this.#known) {
      for (const { own, network, prefix } of addresses) {
        if (isLoopbackAddress(own, 0) || isLinkLocalAddress(own, 0)) continue;
        const inodes = owners.get(addressText(own, 0));
        if (inodes === undefined) owners.set(addressText(own, 0), [inode]);
        else if (!inodes.includes(inode)) {
          inodes.push(inode);
          shared.set(addressText(own, 0), own);
        }
        if (networks.size < MAX_NETWORKS) networks.add(networkText(network, prefix));
        // On a link of two with another network than the own address, that one is local all the same.
        if (!sameAddress(own, 0, network, 0) && networks.size < MAX_NETWORKS)
          networks.add(networkText(own, isIpv4(own, 0) ? 32 : 128));
      }
    }
    this.#networks = [...networks].sort();
    this.#rememberFormer(owners);
    this.#owners = owners;
    this.#shared = [...shared.values()];
  }
}

/** Undefined where netlink, or the namespace, is not ours to use. */
async function askKernel(netnsPath: string): Promise<InterfaceAddress[] | undefined> {
  try {
    const socket = await openNetlink({ protocol: NetlinkProtocol.Route, netnsPath });
    try {
      for (let tries = 1; ; tries++) {
        const addresses: InterfaceAddress[] = [];
        const isWhole = await dump(socket, addressesRequest(), DUMP_BOUNDS, LIST_ADDRESSES, (part) => {
          const read = readAddresses(part);
          for (const address of read.addresses) addresses.push(address);
          return read;
        });
        if (isWhole || tries === MAX_TRIES) return addresses;
      }
    } finally {
      await socket.close();
    }
  } catch (error) {
    const isRefusal =
      error instanceof AddonUnavailableError ||
      error instanceof NetlinkError ||
      (error instanceof Error && 'errno' in error);
    if (!isRefusal) throw error;
    return undefined;
  }
}

/** `/proc/<pid>/net`: IPv4 addresses are in the routing table as text, with no network but what is routed there. */
async function readText(folder: string): Promise<InterfaceAddress[] | undefined> {
  const trie = await readFile(`${folder}/fib_trie`, 'utf8').catch(() => undefined);
  const inet6 = await readFile(`${folder}/if_inet6`, 'utf8').catch(() => '');
  const route = await readFile(`${folder}/route`, 'utf8').catch(() => '');
  if (trie === undefined) return undefined;
  const addresses: InterfaceAddress[] = [];
  const owns = new Set(
    Array.from(trie.matchAll(/\|-- ([\d.]+)\n\s+\/32 host LOCAL/g), ([, own = '']) => own),
  );
  const connected = connectedNetworks(route);
  for (const text of owns) {
    const own = ipaddr.parse(text);
    const bits = connected.find(([network, length]) => own.match(network, length))?.[1] ?? 32;
    addresses.push(addressOf(own.toByteArray(), bits));
  }
  for (const line of inet6.split('\n')) {
    const [hex = '', , bits = ''] = line.split(/\s+/);
    if (/^[\da-f]{32}$/.test(hex))
      addresses.push(addressOf([...Buffer.from(hex, 'hex')], Number.parseInt(bits, 16)));
  }
  return addresses;
}

/** Of `/proc/net/route`: networks without a gateway, the longest prefix first. */
function connectedNetworks(route: string): (readonly [ipaddr.IPv4, number])[] {
  const networks: (readonly [ipaddr.IPv4, number])[] = [];
  for (const line of route.split('\n').slice(1)) {
    const [, destination = '', gateway = '', , , , , mask = ''] = line.split('\t');
    if (gateway !== '00000000' || !/^[\dA-F]{8}$/.test(destination)) continue;
    const length = 32 - Math.clz32(Number.parseInt(mask, 16));
    const bytes = [...Buffer.from(destination, 'hex')].reverse();
    if (length > 0) networks.push([new ipaddr.IPv4(bytes), length]);
  }
  return networks.sort(([, a], [, b]) => b - a);
}

function addressOf(bytes: readonly number[], prefix: number): InterfaceAddress {
  const mapped = bytes.length === 4 ? [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...bytes] : bytes;
  const own = new Int32Array(Uint8Array.from(mapped).buffer);
  return { own, network: own, prefix };
}

/** `10.1.0.0/16` */
function networkText(words: Int32Array, prefix: number): string {
  const bits = isIpv4(words, 0) ? prefix + 96 : prefix;
  const masked = new Uint8Array(words.slice().buffer);
  for (let byte = 0; byte < masked.length; byte++) {
    const kept = Math.max(0, Math.min(8, bits - byte * 8));
    masked[byte]! &= 0xff00 >> kept;
  }
  return `${addressText(new Int32Array(masked.buffer), 0)}/${prefix}`;
}
