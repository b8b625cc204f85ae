/**
 * One way to an app. A loop: find out who is there and what it takes, deliver the newest state, wait for the next; after
 * a failure wait, longer each time. It logs one line when its state changes, never one per try.
 */
import type { Logger } from 'pino';
import type { AppClient, Failure } from './app-client.js';
import type { AppRegistry, Claimant } from './app-registry.js';
import { Backoff, type BackoffLimits } from './backoff.js';
import type { HeldState } from './held-state.js';
import type { StateEncoder } from './state-encoder.js';

export type LinkState = 'new' | 'delivering' | 'standby' | Failure['kind'];

export interface LinkCounters {
  delivered: number;
  delivered_bytes: number;
  /** Of `delivered`: statements, and those of them that were whole. */
  delivered_statements: number;
  delivered_whole_statements: number;
  /** Statements whose base was not what the app has; whole ones came after them. */
  conflicts: number;
  failed_tries: number;
  /** Statements that the app would not take; what they state is in the next one again. */
  refused_statements: number;
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
  readonly encoder: StateEncoder;
  readonly backoff: BackoffLimits;
  /** How long an app's identity is believed. */
  readonly identityMs: number;
  readonly log: Logger;
  /** The link could not deliver: another way may. */
  readonly onFailure: (link: AppLink) => void;
}

/** What is due when closing begins is tried once more; an app may want it whole, and then as a report. */
const CLOSING_TRIES_MAX = 3;

export class AppLink implements Claimant {
  readonly counters: LinkCounters = {
    delivered: 0,
    delivered_bytes: 0,
    delivered_statements: 0,
    delivered_whole_statements: 0,
    conflicts: 0,
    failed_tries: 0,
    refused_statements: 0,
    refused_reports: 0,
    refused_connections: 0,
    reconnects: 0,
    mistakes: 0,
  };
  #state: LinkState = 'new';
  #appId: string | undefined;
  #takesFlows = false;
  #identifiedAt = -Infinity;
  /** Whether the last exchange went well. */
  #isHealthy = false;
  #isClosing = false;
  /** Ends the wait under way. */
  #resume: (() => void) | undefined;
  #resumesOnState = false;
  readonly #backoff: Backoff;
  readonly #abort = new AbortController();
  readonly #ended: Promise<void>;

  constructor(
    public held: HeldState,
    private readonly options: AppLinkOptions,
  ) {
    this.#backoff = new Backoff(options.backoff);
    this.#ended = this.#run();
  }

  get state(): LinkState {
    return this.#state;
  }

  get isHealthy(): boolean {
    return this.#isHealthy;
  }

  /** The app's id once it has told it. */
  get appId(): string | undefined {
    return this.#appId;
  }

  /** Ends a wait: for a new state, for an app's return. */
  wake(): void {
    this.#resume?.();
  }

  /** There is a new state to deliver. */
  notify(): void {
    this.held.isDue = true;
    if (this.#resumesOnState) this.#resume?.();
  }

  /** Tries once more to deliver what is due, for at most `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    if (graceMs <= 0 || !this.held.isDue || this.#state === 'standby') this.#abort.abort();
    this.wake();
    const timer = setTimeout(() => {
      this.#abort.abort();
    }, graceMs);
    await this.#ended;
    clearTimeout(timer);
    this.options.client.close();
  }

  /** Drops its connections. */
  renew(): void {
    this.options.client.close();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    let tries = 0;
    while (!this.#isAborted() && !(this.#isClosing && (!this.held.isDue || tries === CLOSING_TRIES_MAX))) {
      const isLast = this.#isClosing;
      if (isLast) tries++;
      const failure = await this.#round().catch((error: unknown) => this.#mistake(error));
      this.counters.reconnects = this.options.client.reconnects;
      if (this.#isAborted()) return;
      this.#isHealthy = failure === undefined;
      if (failure) {
        this.#enter(failure.kind, failure.reason);
        this.counters.failed_tries++;
        if (isLast) return;
        this.options.onFailure(this);
        await this.#wait(this.#delayAfter(failure));
      } else if (this.#state === 'standby') {
        await this.#wait(this.options.identityMs);
      } else if (!this.held.isDue) {
        await this.#waitForState();
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

  /** Identifies the app when that is due, then delivers what is. */
  async #round(): Promise<Failure | undefined> {
    const isKnown = this.#isHealthy && performance.now() - this.#identifiedAt < this.options.identityMs;
    if (!isKnown) {
      const identity = await this.options.client.identify(this.#abort.signal);
      if (identity.kind !== 'identified') return identity;
      this.#identifiedAt = performance.now();
      this.#appId = identity.appId;
      this.#takesFlows = identity.takesFlows;
      const role = this.options.registry.claim(identity.appId, this);
      if (role === 'standby') {
        this.#enter('standby');
        return undefined;
      }
      this.#isHealthy = true;
      if (this.#state === 'standby') this.#enter('new');
    }
    const { held } = this;
    if (!held.isDue) return undefined;
    held.isDue = false;
    return this.#takesFlows && !held.refusesFlows ? this.#deliverStatement(held) : this.#deliverReport(held);
  }

  async #deliverStatement(held: HeldState): Promise<Failure | undefined> {
    const base = held.seq;
    const { body, seq } = await this.options.encoder.statement(base);
    const delivery = await this.options.client.sendStatement(body, this.#abort.signal);
    switch (delivery.kind) {
      case 'delivered':
        this.counters.delivered_statements++;
        if (base === 0) this.counters.delivered_whole_statements++;
        held.seq = this.#noteTaker(delivery.appId) ? seq : 0;
        // It holds the states of all flows.
        held.mark = undefined;
        this.#delivered(body);
        return undefined;
      case 'conflict':
        this.counters.conflicts++;
        held.isDue = true;
        held.seq = 0;
        this.#noteTaker(delivery.appId);
        if (base !== 0) return undefined;
        return { kind: 'failing', reason: 'it refuses a whole statement as if it built on something' };
      case 'no flows':
        held.isDue = true;
        held.refusesFlows = true;
        this.options.log.info(
          `the app at ${this.options.description} takes no flows after all: it gets reports`,
        );
        return undefined;
      case 'refused':
        this.counters.refused_statements++;
        return delivery;
      case 'failing':
      case 'unreachable':
      case 'unauthorised':
        held.isDue = true;
        return delivery;
    }
  }

  async #deliverReport(held: HeldState): Promise<Failure | undefined> {
    const { body, mark, connections } = await this.options.encoder.report(held.mark);
    const delivery = await this.options.client.sendReport(body, this.#abort.signal);
    switch (delivery.kind) {
      case 'delivered':
        held.mark = mark;
        this.#noteTaker(delivery.appId);
        this.#delivered(body);
        return undefined;
      case 'refused':
        // What it is about would be refused again; the next report is about the time after.
        held.mark = mark;
        this.counters.refused_reports++;
        this.counters.refused_connections += connections;
        return delivery;
      case 'failing':
      case 'unreachable':
      case 'unauthorised':
        held.isDue = true;
        return delivery;
    }
  }

  #delivered(body: Buffer): void {
    this.counters.delivered++;
    this.counters.delivered_bytes += body.byteLength;
    this.#backoff.reset();
    this.#enter('delivering');
  }

  /** False when another app answers in the place of the one that is known: who it is is asked at once. */
  #noteTaker(appId: string | undefined): boolean {
    if (appId === undefined || appId === this.#appId) return true;
    this.#identifiedAt = -Infinity;
    return false;
  }

  #delayAfter(failure: Failure): number {
    if (failure.kind === 'unreachable') return this.#backoff.next('away');
    const isAway = failure.kind === 'failing' && failure.isGateway === true;
    return this.#backoff.next(isAway ? 'away' : 'failing', failure.retryAfterMs);
  }

  #isAborted(): boolean {
    return this.#abort.signal.aborted;
  }

  #waitForState(): Promise<void> {
    this.#resumesOnState = true;
    return this.#wait().finally(() => {
      this.#resumesOnState = false;
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
        log.warn(
          `cannot reach an app at ${description}: ${reason}; it gets the newest state when it answers`,
        );
        break;
      case 'failing':
        log.warn(
          `the app at ${description} takes nothing now: ${reason}; it gets the newest state when it does`,
        );
        break;
      case 'unauthorised':
        log.error(
          `the app at ${description} does not accept the credentials: ${reason}; check token or password`,
        );
        break;
      case 'refused':
        log.error(
          `the app at ${description} refuses what it is sent: ${reason}; the next state is sent all the same`,
        );
        break;
    }
  }
}
