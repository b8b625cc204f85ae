/**
 * Delivers a probe's states to every app: what changed since the state that the app has. Nothing is kept for an app that
 * is away or slow but which state that is; it gets the newest one when it is back.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Logger } from 'pino';
import type { ReportMark, StatedSource } from '../../flows/stated.js';
import { AppClient, type AppClientOptions } from './app-client.js';
import { AppLink, type LinkState } from './app-link.js';
import { AppRegistry } from './app-registry.js';
import type { BackoffLimits } from './backoff.js';
import { ProbeError } from '../errors.js';
import { HeldState } from './held-state.js';
import { proxyFor, type ProxyRules } from './proxy.js';
import { StateEncoder } from './state-encoder.js';
import { describe, hostOf, type HostAddress } from './target-address.js';
import { Target, type HostLookup } from './target.js';

export interface Publisher {
  /** The source has a new state, or the same one at a later time. Never throws, never blocks. */
  notify(): void;
  /** The newest state that all apps have; 0 while one of them has none. What changed last before it need not be kept for them. */
  confirmedSeq(): number;
  /** Monotonic sums over all apps, but for `links`, `links_delivering` and `pending`, which are as of now. */
  counters(): Readonly<Record<string, number>>;
  /** State and counters of each way to an app. */
  apps(): readonly AppStatus[];
  /** Drops the connections to all apps: the next tries make new ones. */
  renew(): void;
  /** Tries for a moment to deliver the newest state where it is due, then ends. Idempotent. */
  close(): Promise<void>;
}

export interface AppStatus {
  /** URL and address, without credentials. */
  readonly description: string;
  readonly state: LinkState;
  readonly appId: string | undefined;
  readonly counters: Readonly<Record<string, number>>;
}

export interface ShippingOptions {
  readonly source: StatedSource;
  readonly targets: readonly URL[];
  readonly client: AppClientOptions;
  readonly backoff: BackoffLimits;
  readonly identityMs: number;
  readonly lookup: HostLookup;
  readonly lookupIntervalMs: number;
  readonly closeGraceMs: number;
  readonly log: Logger;
}

const ADDRESSES_MAX = 64;

export class StatePublisher implements Publisher {
  readonly #encoder: StateEncoder;
  readonly #registry: AppRegistry;
  readonly #descriptions = new Map<AppLink, string>();
  readonly #targets: Target[] = [];
  /** Of links that are gone. */
  readonly #past = new Map<string, number>();
  #closed: Promise<void> | undefined;

  constructor(private readonly options: ShippingOptions) {
    this.#encoder = new StateEncoder(options.source);
    this.#registry = new AppRegistry((mark) => this.#newHeld(mark));
    for (const url of options.targets) this.#addTarget(url);
  }

  notify(): void {
    if (this.#closed) return;
    this.#encoder.renew();
    for (const link of this.#descriptions.keys()) link.notify();
  }

  confirmedSeq(): number {
    return Math.min(...this.#targets.map(({ confirmedSeq }) => confirmedSeq));
  }

  counters(): Readonly<Record<string, number>> {
    const sums = new Map(this.#past);
    for (const link of this.#descriptions.keys()) addTo(sums, link.counters);
    const links = [...this.#descriptions.keys()];
    return {
      ...Object.fromEntries(sums),
      ...this.#encoder.counters,
      links: links.length,
      links_delivering: links.filter((link) => link.state === 'delivering').length,
      pending: links.filter((link) => link.held.isDue).length,
    };
  }

  apps(): readonly AppStatus[] {
    return [...this.#descriptions].map(([{ state, appId, counters }, description]) => ({
      description,
      state,
      appId,
      counters: { ...counters },
    }));
  }

  renew(): void {
    for (const link of this.#descriptions.keys()) link.renew();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const target of this.#targets) target.stop();
    await Promise.all([...this.#descriptions.keys()].map((link) => link.close(this.options.closeGraceMs)));
  }

  #newHeld(mark: ReportMark | undefined): HeldState {
    return new HeldState(this.options.source.seq > 0, mark);
  }

  #addTarget(url: URL): void {
    const { log, lookup, lookupIntervalMs } = this.options;
    const target = new Target({
      url,
      needsLookup: isIP(hostOf(url)) === 0 && !isProxied(url, this.options.client),
      lookup,
      lookupIntervalMs,
      maxAddresses: ADDRESSES_MAX,
      open: (address, mark) => {
        const description = describe(address);
        const link = new AppLink(this.#newHeld(mark), {
          description,
          client: new AppClient(address, this.options.client),
          registry: this.#registry,
          encoder: this.#encoder,
          backoff: this.options.backoff,
          identityMs: this.options.identityMs,
          log,
          onFailure: (failed) => this.#registry.failed(failed, this.#descriptions.keys()),
        });
        this.#descriptions.set(link, description);
        return link;
      },
      onGone: (link) => {
        log.info(`${this.#descriptions.get(link) ?? ''} is no longer an address of ${url.hostname}`);
        this.#descriptions.delete(link);
        this.#registry.remove(link);
        addTo(this.#past, link.counters);
        void link.close(0);
      },
      onLookup: (reason) => {
        if (reason === undefined) log.info(`${url.hostname} can be looked up`);
        else log.warn(`cannot look up ${url.hostname}: ${reason}; the newest state goes there when it can`);
      },
    });
    this.#targets.push(target);
  }
}

function addTo(sums: Map<string, number>, counters: object): void {
  for (const [name, value] of Object.entries(counters) as [string, number][]) {
    sums.set(name, (sums.get(name) ?? 0) + value);
  }
}

/** Also by one of no use: what is wrong with it is told with each try. */
function isProxied(url: URL, rules: ProxyRules): boolean {
  try {
    return proxyFor(url, rules) !== undefined;
  } catch (error) {
    if (error instanceof ProbeError) return true;
    throw error;
  }
}

const LOOKUP_FAULTS: ReadonlyMap<string, string> = new Map([
  ['EAI_AGAIN', 'it is not in /etc/hosts, and no DNS server answers'],
  ['ENOTFOUND', 'there is no such name'],
]);

/** As the system resolves names: /etc/hosts included. @throws Error whose message is the reason */
export async function systemLookup(host: string): Promise<readonly HostAddress[]> {
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
  } catch (cause) {
    // Without /etc/hosts nobody may know it, and it still means this machine (RFC 6761, 6.3).
    if (/^localhost\.?$/i.test(host)) return [{ address: '127.0.0.1', family: 4 }];
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    throw new Error(LOOKUP_FAULTS.get(code) ?? (cause instanceof Error ? cause.message : code), { cause });
  }
}
