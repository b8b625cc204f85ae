/**
 * One way to an app. A loop: find out who is there, deliver what waits, wait for more; after a failure wait, longer
 * each time. It logs one line when its state changes, never one per try.
 */
import type { Logger } from 'pino';
import type { AppClient, Failure } from './app-client.js';
import type { AppRegistry, Claimant } from './app-registry.js';
import { Backoff, type BackoffLimits } from './backoff.js';
import type { Report } from '../../report/model/model.js';
import { countsOf } from './connection-counts.js';
import type { ReportEncoder } from './encoded-report.js';
import type { PendingReport } from './pending-report.js';

export type LinkState = 'new' | 'delivering' | 'standby' | Failure['kind'];

export interface LinkCounters {
  delivered: number;
  delivered_bytes: number;
  /** Of `delivered`, those that were only what had changed. */
  delivered_changes: number;
  failed_tries: number;
  /** Reports that the app would not take, and the connections in them. */
  refused_reports: number;
  refused_connections: number;
  /** Kept connections that the other side had closed when they were needed. */
  reconnects: number;
  /** Errors of this program's own making. */
  mistakes: number;
}

export interface AppLinkOptions {
  /** For the log. */
  readonly description: string;
  readonly client: AppClient;
  readonly registry: AppRegistry;
  readonly encoder: ReportEncoder;
  readonly backoff: BackoffLimits;
  /** How long an app's identity is believed. */
  readonly identityMs: number;
  /** A whole report is due this often, milliseconds; between two of them only what changed is sent. 0: always. */
  readonly wholeEveryMs: number;
  readonly log: Logger;
  /** The link could not deliver: another way may. */
  readonly onFailure: (link: AppLink) => void;
}

export class AppLink implements Claimant {
  readonly counters: LinkCounters = {
    delivered: 0,
    delivered_bytes: 0,
    delivered_changes: 0,
    failed_tries: 0,
    refused_reports: 0,
    refused_connections: 0,
    reconnects: 0,
    mistakes: 0,
  };
  #state: LinkState = 'new';
  #appId: string | undefined;
  readonly #openedAt = performance.now();
  #identifiedAt = -Infinity;
  /** Whether the last exchange went well. */
  #isHealthy = false;
  /** The whole report that this app got last, as long as it can be built on. */
  #base: { readonly report: Report; readonly period: number } | undefined;
  #isClosing = false;
  /** Ends the wait under way. */
  #resume: (() => void) | undefined;
  #resumesOnReport = false;
  readonly #backoff: Backoff;
  readonly #abort = new AbortController();
  readonly #ended: Promise<void>;

  constructor(
    public pending: PendingReport,
    private readonly options: AppLinkOptions,
  ) {
    this.#backoff = new Backoff(options.backoff);
    this.#ended = this.#run();
  }

  get state(): LinkState {
    return this.#state;
  }

  get ageMs(): number {
    return performance.now() - this.#openedAt;
  }

  get isHealthy(): boolean {
    return this.#isHealthy;
  }

  /** The app's id once it has told it. */
  get appId(): string | undefined {
    return this.#appId;
  }

  /** Ends a wait: for a new report, for an app's return. */
  wake(): void {
    this.#resume?.();
  }

  /** There is something new to deliver. */
  notify(): void {
    if (this.#resumesOnReport) this.#resume?.();
  }

  /** Tries once more to deliver what waits, for at most `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    if (graceMs <= 0 || this.pending.isEmpty || this.#state === 'standby') this.#abort.abort();
    this.wake();
    const timer = setTimeout(() => {
      this.#abort.abort();
    }, graceMs);
    await this.#ended;
    clearTimeout(timer);
    this.options.client.close();
  }

  /** Drops its connections; what waits is kept. */
  renew(): void {
    this.options.client.close();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    let tries = 0;
    // A last round is for what waits when closing begins.
    while (!this.#isAborted() && !(this.#isClosing && (this.pending.isEmpty || tries > 0))) {
      if (this.#isClosing) tries++;
      const failure = await this.#round().catch((error: unknown) => this.#mistake(error));
      this.counters.reconnects = this.options.client.reconnects;
      if (this.#isAborted()) return;
      this.#isHealthy = failure === undefined;
      if (failure) {
        this.#base = undefined;
        this.#enter(failure.kind, failure.reason);
        this.counters.failed_tries++;
        this.options.onFailure(this);
        await this.#wait(this.#delayAfter(failure));
      } else if (this.#state === 'standby') {
        await this.#wait(this.options.identityMs);
      } else if (this.pending.isEmpty) {
        await this.#waitForReport();
      }
    }
  }

  /** Nobody but this loop would notice. */
  #mistake(error: unknown): Failure {
    this.counters.mistakes++;
    const { log, description } = this.options;
    log.error({ err: error }, `a bug: an error in reporting to the app at ${description}; please report it`);
    return { kind: 'failing', reason: 'this program made a mistake' };
  }

  /** Identifies the app when that is due, then delivers what waits. */
  async #round(): Promise<Failure | undefined> {
    const isKnown = this.#isHealthy && performance.now() - this.#identifiedAt < this.options.identityMs;
    if (!isKnown) {
      const identity = await this.options.client.identify(this.#abort.signal);
      if (identity.kind !== 'identified') return identity;
      this.#identifiedAt = performance.now();
      if (identity.appId !== this.#appId) this.#base = undefined;
      this.#appId = identity.appId;
      const role = this.options.registry.claim(identity.appId, this);
      if (role === 'standby') {
        this.#base = undefined;
        this.#enter('standby');
        return undefined;
      }
      this.#isHealthy = true;
      if (this.#state === 'standby') this.#enter('new');
    }
    const report = this.pending.take();
    if (!report) return undefined;
    const period = this.#period();
    const base = this.#base && this.#base.period === period ? this.#base.report : undefined;
    const body = await this.options.encoder.encode(report, base).catch((error: unknown) => {
      this.#giveUp(report);
      throw error;
    });
    const delivery = await this.options.client.send(body, base ? 'changes' : 'whole', this.#abort.signal);
    switch (delivery.kind) {
      case 'delivered':
        this.counters.delivered++;
        this.counters.delivered_bytes += body.byteLength;
        if (base) this.counters.delivered_changes++;
        else this.#base = period === undefined ? undefined : { report, period };
        if (delivery.appId !== undefined && delivery.appId !== this.#appId) {
          // Another app took the place of the one that was known, and has not what these changes build on.
          if (base) this.#base = undefined;
          this.#identifiedAt = -Infinity;
        }
        this.#backoff.reset();
        this.#enter('delivering');
        return undefined;
      case 'refused':
        this.#giveUp(report);
        return delivery;
      case 'failing':
      case 'unreachable':
      case 'unauthorised':
        this.pending.putBack(report);
        return delivery;
    }
  }

  #giveUp(report: Report): void {
    this.counters.refused_reports++;
    for (const node of report.topologies.get('Endpoint')?.nodes.values() ?? []) {
      this.counters.refused_connections += countsOf(node)?.total ?? 0;
    }
  }

  /** Of the clock, not of the link: all apps get their whole reports at once, so that they are encoded once. */
  #period(): number | undefined {
    const { wholeEveryMs } = this.options;
    return wholeEveryMs > 0 ? Math.floor(performance.now() / wholeEveryMs) : undefined;
  }

  #delayAfter(failure: Failure): number {
    if (failure.kind === 'unreachable') return this.#backoff.next('away');
    const isAway = failure.kind === 'failing' && failure.isGateway === true;
    return this.#backoff.next(isAway ? 'away' : 'failing', failure.retryAfterMs);
  }

  #isAborted(): boolean {
    return this.#abort.signal.aborted;
  }

  #waitForReport(): Promise<void> {
    this.#resumesOnReport = true;
    return this.#wait().finally(() => {
      this.#resumesOnReport = false;
    });
  }

  /** Ends early when woken. @param ms without it: only when woken */
  #wait(ms?: number): Promise<void> {
    if (this.#isClosing) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(() => this.#resume?.(), ms);
      this.#resume = () => {
        clearTimeout(timer);
        this.#resume = undefined;
        resolve();
      };
    });
  }

  #enter(state: LinkState, reason = ''): void {
    if (state === this.#state) return;
    this.#state = state;
    const { log, description } = this.options;
    switch (state) {
      case 'new':
        break;
      case 'delivering':
        log.info(`reporting to the app at ${description}`);
        break;
      case 'standby':
        log.info(`the app at ${description} is already being reported to by another address`);
        break;
      case 'unreachable':
        log.warn(`cannot reach an app at ${description}: ${reason}; reports are merged until it answers`);
        break;
      case 'failing':
        log.warn(`the app at ${description} takes no reports now: ${reason}; they are merged until it does`);
        break;
      case 'unauthorised':
        log.error(
          `the app at ${description} does not accept the credentials: ${reason}; check token or password`,
        );
        break;
      case 'refused':
        log.error(`the app at ${description} refuses a report: ${reason}; that report is given up`);
        break;
    }
  }
}
