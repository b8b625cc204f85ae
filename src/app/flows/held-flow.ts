/**
 * One flow of one probe as the store holds it: the newest that was stated of it, and what the window begins with. What it
 * did in the window is worked out when it is asked for, and kept until something changes.
 */
import { NO_FAILURES, Num, type FlowDefinition } from '../../flows/flow.js';
import { activityBetween, failuresBetween, type FlowActivity } from '../../flows/window.js';
import type { HeldState } from './held-state.js';
import type { JoinedEnd } from './joined-flow.js';
import type { ProbeWindow } from './probe-window.js';

interface Sample {
  readonly atMs: number;
  readonly state: HeldState;
}

const NO_PAST: readonly Sample[] = [];

export class HeldFlow {
  readonly host: string;
  readonly window: ProbeWindow;
  definition: FlowDefinition;
  /** Made by whoever joins; undefined until then, and when the definition changed. */
  clientEnd: JoinedEnd | undefined;
  serverEnd: JoinedEnd | undefined;
  #state: HeldState;
  #sinceMs: number;
  /** Ascending; bounded by the statements that a `ProbeWindow` keeps. */
  #past: readonly Sample[] = NO_PAST;
  #isGone = false;
  /** The same flow in the epoch of the host before this one, while the window reaches there. */
  #predecessor: HeldFlow | undefined;
  #successor: HeldFlow | undefined;
  #hasEnded = false;
  #elsewhere = 0;
  #activity: FlowActivity | undefined;
  /** What the window begins with in `#activity`. */
  #begin: HeldState | undefined;
  #failures: ReadonlyMap<string, number> = NO_FAILURES;

  constructor(host: string, window: ProbeWindow, definition: FlowDefinition, state: HeldState, atMs: number) {
    this.host = host;
    this.window = window;
    this.definition = definition;
    this.#state = state;
    this.#sinceMs = atMs;
  }

  get state(): HeldState {
    return this.#state;
  }

  get past(): readonly Sample[] {
    return this.#past;
  }

  get predecessor(): HeldFlow | undefined {
    return this.#predecessor;
  }

  get successor(): HeldFlow | undefined {
    return this.#successor;
  }

  /** The flow that it went on as, in the newest epoch that has it: itself, mostly. */
  get newest(): HeldFlow {
    return this.#successor?.newest ?? this;
  }

  /** It is stated no longer. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Whether its difference over the window is another one when the window moves on. */
  get isRecent(): boolean {
    return this.#sinceMs > this.window.thenMs || this.#past.length > 0 || this.#predecessor !== undefined;
  }

  redefine(definition: FlowDefinition): void {
    this.definition = definition;
    this.clientEnd = this.serverEnd = undefined;
  }

  restate(state: HeldState, atMs: number): void {
    if (this.window.isNeeded(this.#sinceMs))
      this.#past = [...this.#past, { atMs: this.#sinceMs, state: this.#state }];
    this.#state = state;
    this.#sinceMs = atMs;
    this.#isGone = false;
    this.outdate();
  }

  /** It is stated no longer; what was stated last holds for the rest of the window. */
  leave(): void {
    this.#isGone = true;
    this.outdate();
  }

  /** Its probe says no more: what lives is what the next epoch adopts. */
  end(): void {
    this.#hasEnded = true;
    this.outdate();
  }

  /** Connections of the window that this epoch did not see the beginning of. */
  get adopted(): number {
    const own = activityBetween(this.#then()?.numbers, this.#state.numbers);
    return own.connections - own.opened;
  }

  /** @param count of the connections that lived at the end, which other flows go on with @returns whether that is new */
  setElsewhere(count: number): boolean {
    if (count === this.#elsewhere) return false;
    this.#elsewhere = count;
    this.outdate();
    return true;
  }

  follow(predecessor: HeldFlow | undefined): void {
    if (this.#predecessor !== undefined) this.#predecessor.#successor = undefined;
    this.#predecessor = predecessor;
    if (predecessor !== undefined) predecessor.#successor = this;
    this.outdate();
  }

  /** Somebody asked what it did in the window, and nothing changed since. */
  get isAsked(): boolean {
    return this.#activity !== undefined;
  }

  /** The window has moved. @returns whether its difference over it may be another one now */
  slide(): boolean {
    if (this.#activity !== undefined && this.#then() === this.#begin) return false;
    this.outdate();
    return true;
  }

  /** What happened in the window is to be worked out anew. */
  outdate(): void {
    this.#activity = undefined;
    this.#successor?.outdate();
    const { thenMs } = this.window;
    if (this.#past.length === 0) return;
    // Of what is past, the window needs what it begins with and what came after.
    if (this.#sinceMs <= thenMs) this.#past = NO_PAST;
    else {
      const at = this.#past.findLastIndex(({ atMs }) => atMs <= thenMs);
      if (at > 0) this.#past = this.#past.slice(at);
    }
  }

  get activity(): FlowActivity {
    if (this.#activity === undefined) this.#workOut();
    return this.#activity!;
  }

  /** Failed connects in the window, by reason. */
  get failures(): ReadonlyMap<string, number> {
    if (this.#activity === undefined) this.#workOut();
    return this.#failures;
  }

  /** States of the window: what it begins with, if that is not zeros, and all that came after, oldest first. */
  get states(): HeldState[] {
    return [...this.#past.map(({ state }) => state), this.#state];
  }

  #workOut(): void {
    const then = (this.#begin = this.#then());
    const before = this.#predecessor;
    let activity = activityBetween(then?.numbers, this.#state.numbers);
    let failures = failuresBetween(then?.failed, this.#state.failed);
    if (before !== undefined) {
      activity = succeeding(before.activity, before.state.numbers, activity);
      failures = sumOf(before.failures, failures);
    }
    if (this.#isGone || this.#hasEnded) {
      const connections = Math.max(0, activity.connections - this.#elsewhere);
      activity = { ...activity, connections, live: 0, rttMicrosSum: 0, rttCount: 0 };
    }
    this.#activity = activity;
    this.#failures = failures;
  }

  /** As of the window's begin; undefined: zeros. */
  #then(): HeldState | undefined {
    const { thenMs } = this.window;
    if (this.#sinceMs <= thenMs) return this.#state;
    return this.#past.findLast(({ atMs }) => atMs <= thenMs)?.state;
  }
}

/** What lived at the end of one epoch and is found by the next one is counted once. */
function succeeding(before: FlowActivity, end: readonly number[], now: FlowActivity): FlowActivity {
  const found = now.connections - now.opened;
  return {
    connections: before.connections + now.opened + Math.max(0, found - end[Num.Live]!),
    opened: before.opened + now.opened,
    closed: before.closed + now.closed,
    live: now.live,
    bytesSent: before.bytesSent + now.bytesSent,
    bytesReceived: before.bytesReceived + now.bytesReceived,
    retransmits: before.retransmits + now.retransmits,
    connectMicrosSum: before.connectMicrosSum + now.connectMicrosSum,
    connectCount: before.connectCount + now.connectCount,
    rttMicrosSum: now.rttMicrosSum,
    rttCount: now.rttCount,
  };
}

function sumOf(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  if (a.size === 0) return b;
  const sum = new Map(a);
  for (const [reason, count] of b) sum.set(reason, (sum.get(reason) ?? 0) + count);
  return sum;
}
