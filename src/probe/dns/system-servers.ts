/**
 * The name servers of /etc/resolv.conf, as of a few seconds ago: networks come and go while a probe runs, and what it was
 * started with would be asked for ever.
 */
import { readFileSync } from 'node:fs';
import { parseServer, type DnsServer } from './server-list.js';

const RESOLV_CONF = '/etc/resolv.conf';
/** How often the file is looked at, at most. It is a few lines long. */
const REREAD_MS = 5000;
/** What is meant where none is named (resolv.conf(5)); it may not exist. */
const THIS_MACHINE: readonly DnsServer[] = [{ host: '127.0.0.1', port: 53 }];
const NAMESERVER = /^[ \t]*nameserver[ \t]+(\S+)/gm;

export interface SystemServersOptions {
  /** Called with one line when no server is named, once for each such state of the file. */
  readonly warn?: (message: string) => void;
  /** Default: /etc/resolv.conf. */
  readonly path?: string;
  /** Default: 5 s. */
  readonly rereadMs?: number;
}

/** What one look at the file found. */
interface Look {
  readonly servers: readonly DnsServer[];
  /** Why none is named. */
  readonly reason?: string;
}

export class SystemServers {
  readonly #path: string;
  readonly #rereadMs: number;
  readonly #warn: (message: string) => void;
  #lookedAt = -Infinity;
  #servers: readonly DnsServer[] | undefined;
  #reason: string | undefined;
  /** The last look found nothing where there were servers before. */
  #wasEmpty = false;

  constructor({ path = RESOLV_CONF, rereadMs = REREAD_MS, warn = () => undefined }: SystemServersOptions) {
    this.#path = path;
    this.#rereadMs = rereadMs;
    this.#warn = warn;
  }

  /** In order of preference. The same object as long as the file names the same servers. */
  current(): readonly DnsServer[] {
    if (this.#servers !== undefined && performance.now() - this.#lookedAt < this.#rereadMs)
      return this.#servers;
    this.#lookedAt = performance.now();
    const { servers, reason } = look(this.#path);
    // Who rewrites the file empties it first: servers that were there are given up at the second such look.
    const isBeingWritten = reason !== undefined && this.#servers !== undefined && this.#reason === undefined;
    if (isBeingWritten && !this.#wasEmpty) {
      this.#wasEmpty = true;
      return this.#servers!;
    }
    this.#wasEmpty = false;
    if (reason !== undefined && reason !== this.#reason) {
      this.#warn(
        `${reason}: names of addresses are asked of 127.0.0.1; name a server with --dns-server, or ask none with --dns off`,
      );
    }
    this.#reason = reason;
    if (this.#servers === undefined || !areSame(this.#servers, servers)) this.#servers = servers;
    return this.#servers;
  }
}

function look(path: string): Look {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return { servers: THIS_MACHINE, reason: `${path} can't be read (${code})` };
  }
  // Its search domains are never applied: questions are for full names.
  const servers = Array.from(
    text.matchAll(NAMESERVER),
    ([, address = '']) => parseServer(address) ?? [],
  ).flat();
  return servers.length > 0 ? { servers } : { servers: THIS_MACHINE, reason: `${path} names no DNS server` };
}

function areSame(some: readonly DnsServer[], others: readonly DnsServer[]): boolean {
  return JSON.stringify(some) === JSON.stringify(others);
}
