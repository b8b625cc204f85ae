/**
 * The process that takes the connections to an address and port of this host. Of an untaken connection only the process that
 * made the listener is known, and such processes pass listeners on. So the connection belongs to the process that takes the
 * other ones, if one process takes them all.
 */
import { isIpv4 } from '../records/address.js';
import type { BookedProcess, ProcessBook } from './process-book.js';

/** More servers than any host has: beyond that they are unknown. */
const MAX_SERVERS = 65_536;

export class ServerBook {
  /** Counts the changes. */
  version = 0;
  /** By namespace, address and port; undefined: several processes. */
  readonly #servers = new Map<string, BookedProcess | undefined>();

  constructor(private readonly processes: ProcessBook) {}

  /** A process took a connection. @param number of the process */
  note(netns: number, words: Int32Array, address: number, port: number, number: number): void {
    const key = keyOf(netns, words, address, port);
    const process = this.processes.process(number);
    const known = this.#servers.get(key);
    if (known === process) return;
    const isOnly = !this.#servers.has(key) || (known !== undefined && !this.processes.has(known));
    if (isOnly && this.#servers.size >= MAX_SERVERS) return;
    this.#servers.set(key, isOnly ? process : undefined);
    this.version++;
  }

  /** The number of the process that takes them all; 0: none, or several. */
  numberAt(netns: number, words: Int32Array, address: number, port: number): number {
    const known = this.#servers.get(keyOf(netns, words, address, port));
    return known === undefined ? 0 : this.processes.numberOfKnown(known);
  }
}

function keyOf(netns: number, words: Int32Array, at: number, port: number): string {
  const address = isIpv4(words, at) ? String(words[at + 3]!) : words.subarray(at, at + 4).join();
  return `${netns} ${address} ${port}`;
}
