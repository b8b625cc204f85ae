/**
 * One target as the user named it: a URL whose host name may stand for several apps. The name is looked up again and
 * again; every address is an app, and addresses come and go.
 */
import type { ReportMark } from '../../flows/stated.js';
import type { AppLink } from './app-link.js';
import { hostOf, type HostAddress, type TargetAddress } from './target-address.js';

export type HostLookup = (host: string) => Promise<readonly HostAddress[]>;

export interface TargetOptions {
  readonly url: URL;
  /** Not for an address, nor where a proxy does it. */
  readonly needsLookup: boolean;
  readonly lookup: HostLookup;
  readonly lookupIntervalMs: number;
  /** Bound on addresses per name; more are not reported to. */
  readonly maxAddresses: number;
  /** Opens a link. @param mark what an app was delivered that this one may stand in the place of */
  readonly open: (address: TargetAddress, mark: ReportMark | undefined) => AppLink;
  /** A link whose address is gone; it has been closed. */
  readonly onGone: (link: AppLink) => void;
  /** The name can't be looked up (a reason), or can be again (undefined). Called on changes only. */
  readonly onLookup: (reason: string | undefined) => void;
}

/** While a name can't be looked up it is tried more often. */
const RETRY_MS = 2000;

export class Target {
  readonly #links = new Map<string, AppLink>();
  readonly #closed = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #isLost = false;

  constructor(private readonly options: TargetOptions) {
    if (options.needsLookup) void this.#follow();
    else this.#links.set('', options.open({ url: options.url, address: undefined }, undefined));
  }

  /**
   * The newest state that all apps of the name have; 0 while one of them has none. An address that never answered does not
   * count beside one that did: it is no app of its own (IPv6 without a listener, say).
   */
  get confirmedSeq(): number {
    const links = [...this.#links.values()];
    const reached = links.filter(({ appId }) => appId !== undefined);
    const counted = reached.length > 0 ? reached : links;
    return counted.length === 0 ? 0 : Math.min(...counted.map(({ held }) => held.confirmedSeq));
  }

  /** Stops looking up; the links are closed by their owner. */
  stop(): void {
    this.#closed.abort();
    clearTimeout(this.#timer);
  }

  /** Never rejects. */
  async #follow(): Promise<void> {
    let isFound = false;
    try {
      const addresses = await this.options.lookup(hostOf(this.options.url));
      if (this.#closed.signal.aborted) return;
      isFound = addresses.length > 0;
      if (isFound) this.#update(addresses.slice(0, this.options.maxAddresses));
      this.#note(isFound ? undefined : 'it has no address');
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      this.#note(error instanceof Error ? error.message : String(error));
    }
    const delayMs = isFound
      ? this.options.lookupIntervalMs
      : Math.min(RETRY_MS, this.options.lookupIntervalMs);
    this.#timer = setTimeout(() => void this.#follow(), delayMs);
  }

  /** Known addresses stay while the name has none: the app is more likely to return than the name to be right. */
  #update(addresses: readonly HostAddress[]): void {
    const named = new Map(addresses.map((address) => [address.address, address]));
    const gone = [...this.#links].filter(([address]) => !named.has(address));
    let mark: ReportMark | undefined;
    for (const [address, link] of gone) {
      mark ??= link.held.mark;
      this.#links.delete(address);
      this.options.onGone(link);
    }
    for (const [text, address] of named) {
      if (this.#links.has(text)) continue;
      this.#links.set(text, this.options.open({ url: this.options.url, address }, mark));
    }
  }

  #note(reason: string | undefined): void {
    const isLost = reason !== undefined;
    if (isLost !== this.#isLost) this.options.onLookup(reason);
    this.#isLost = isLost;
  }
}
