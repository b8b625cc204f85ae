/**
 * Ships reports to every app. Publishing never waits: an app that is away or slow has one pending report, into which
 * the later ones are merged.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Logger } from 'pino';
import type { Report } from '../../report/model/model.js';
import { AppClient, type AppClientOptions } from './app-client.js';
import { AppLink, type LinkState } from './app-link.js';
import { AppRegistry } from './app-registry.js';
import type { BackoffLimits } from './backoff.js';
import type { ReportBounds } from './coarsen.js';
import { ReportEncoder } from './encoded-report.js';
import { PublishError } from './errors.js';
import { PendingReport, ReportJoiner } from './pending-report.js';
import { proxyFor, type ProxyRules } from './proxy.js';
import { describe, hostOf, type HostAddress } from './target-address.js';
import { Target, type HostLookup } from './target.js';

export interface Publisher {
  /** Hands a report over. Never throws, never blocks. */
  publish(report: Report): void;
  /** Monotonic sums over all apps, but for `links`, `links_delivering` and `pending`, which are as of now. */
  counters(): Readonly<Record<string, number>>;
  /** State and counters of each way to an app. */
  apps(): readonly AppStatus[];
  /** Drops the connections to all apps: the next tries make new ones. What waits is kept. */
  renew(): void;
  /** Tries for a moment to deliver what waits, then ends. Idempotent. */
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
  readonly targets: readonly URL[];
  readonly client: AppClientOptions;
  readonly bounds: ReportBounds;
  readonly backoff: BackoffLimits;
  readonly identityMs: number;
  readonly wholeEveryMs: number;
  readonly lookup: HostLookup;
  readonly lookupIntervalMs: number;
  readonly closeGraceMs: number;
  readonly log: Logger;
}

const ADDRESSES_MAX = 64;
/** For how long an address that never answered is given the benefit of the doubt: its app may only be starting. */
const UNHEARD_MS = 900_000;

export class ReportPublisher implements Publisher {
  readonly #joiner: ReportJoiner;
  readonly #encoder = new ReportEncoder();
  readonly #registry: AppRegistry;
  readonly #descriptions = new Map<AppLink, string>();
  readonly #targets: { readonly target: Target; readonly waiting: PendingReport }[] = [];
  /** Of links that are gone. */
  readonly #past = new Map<string, number>();
  #closed: Promise<void> | undefined;

  constructor(private readonly options: ShippingOptions) {
    this.#joiner = new ReportJoiner(options.bounds);
    this.#registry = new AppRegistry(() => new PendingReport(this.#joiner));
    for (const url of options.targets) this.#addTarget(url);
  }

  publish(report: Report): void {
    if (this.#closed) return;
    const queues = new Set<PendingReport>();
    for (const { target, waiting } of this.#targets) {
      if (!target.hasLinks) queues.add(waiting);
      const links = [...target.links];
      const isReached = links.some((link) => link.appId !== undefined);
      for (const link of links) {
        // What never answered beside an address that did is no app of its own (IPv6 without a listener, say).
        if (isReached && link.appId === undefined && link.ageMs > UNHEARD_MS) link.pending.clear();
        else queues.add(link.pending);
      }
    }
    for (const pending of queues) pending.add(report);
    for (const link of this.#descriptions.keys()) link.notify();
  }

  counters(): Readonly<Record<string, number>> {
    const sums = new Map(this.#past);
    for (const link of this.#descriptions.keys()) addTo(sums, link.counters);
    const links = [...this.#descriptions.keys()];
    return {
      ...Object.fromEntries(sums),
      ...this.#joiner.counters,
      ...this.#encoder.counters,
      links: links.length,
      links_delivering: links.filter((link) => link.state === 'delivering').length,
      pending: links.filter((link) => !link.pending.isEmpty).length,
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
    for (const { target } of this.#targets) target.stop();
    await Promise.all([...this.#descriptions.keys()].map((link) => link.close(this.options.closeGraceMs)));
    this.#joiner.forget();
  }

  #addTarget(url: URL): void {
    const waiting = new PendingReport(this.#joiner);
    const { log, lookup, lookupIntervalMs } = this.options;
    const target = new Target({
      url,
      needsLookup: isIP(hostOf(url)) === 0 && !isProxied(url, this.options.client),
      lookup,
      lookupIntervalMs,
      maxAddresses: ADDRESSES_MAX,
      waiting,
      open: (address, inherited) => {
        const description = describe(address);
        const link = new AppLink(new PendingReport(this.#joiner, inherited), {
          description,
          client: new AppClient(address, this.options.client),
          registry: this.#registry,
          encoder: this.#encoder,
          backoff: this.options.backoff,
          identityMs: this.options.identityMs,
          wholeEveryMs: this.options.wholeEveryMs,
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
        else log.warn(`cannot look up ${url.hostname}: ${reason}; reports are merged until it can`);
      },
    });
    this.#targets.push({ target, waiting });
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
    if (error instanceof PublishError) return true;
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
