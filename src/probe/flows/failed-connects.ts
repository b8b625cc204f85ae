/**
 * Connects without a connection: failed ones, and connects that have waited long for an answer, which count as failed
 * meanwhile.
 */
import { HALF, OFFSET, RECORD } from '../records/layout.js';
import type { RecordView } from '../records/record-view.js';
import type { DialledBook } from './dialled-book.js';
import { NO_END } from './end-table.js';
import { reasonOf, WAITING } from './failure-reasons.js';
import type { FlowBook } from './flow-book.js';
import type { FlowLookup } from './flow-lookup.js';
import type { RecordNews } from './record-news.js';

/** The most flows whose waiting connects are counted; other connects count when they fail. */
const MAX_PENDING = 65_536;

export class FailedConnects {
  /** By flow, the number of connects that wait for an answer. */
  #pending = new Map<number, number>();
  #pendingNow = new Map<number, number>();
  /** Failed connects of this round. */
  failed = 0;
  /** Failed connects in the overflow flow: there was no room for their own. */
  overflowed = 0;

  constructor(
    private readonly book: FlowBook,
    private readonly flows: FlowLookup,
    private readonly dialled: DialledBook,
  ) {}

  beginRound(): void {
    this.#pendingNow = new Map();
    this.failed = 0;
  }

  /** Takes a failed connect. */
  take(view: RecordView, i: number, news: RecordNews): void {
    const flow = this.#flowOf(view, i, news);
    this.book.addFailure(flow, reasonOf(view.halves[i * RECORD.halves + HALF.error]!), 1);
    this.failed++;
    if (this.book.isOverflow(flow)) this.overflowed++;
  }

  /** Takes a connect that waits for an answer in this round. */
  takePending(view: RecordView, i: number, news: RecordNews): void {
    if (this.#pendingNow.size >= MAX_PENDING) return;
    const flow = this.#flowOf(view, i, news);
    this.#pendingNow.set(flow, (this.#pendingNow.get(flow) ?? 0) + 1);
  }

  /** Replaces the waiting connects of the last round by those of this one. */
  settlePending(): void {
    const reason = reasonOf(WAITING);
    const before = this.#pending;
    const pending = this.#pendingNow;
    for (const [flow, count] of before) if (!pending.has(flow)) this.book.addFailure(flow, reason, -count);
    for (const [flow, count] of pending) {
      const change = count - (before.get(flow) ?? 0);
      if (change !== 0) this.book.addFailure(flow, reason, change);
    }
    this.#pending = pending;
  }

  /** Whether a connect of the flow waits for an answer. */
  isPendingIn(flow: number): boolean {
    return this.#pending.has(flow);
  }

  #flowOf(view: RecordView, i: number, news: RecordNews): number {
    const via = this.dialled.numberIn(news.dialled, i);
    const evidence = view.bytes[i * RECORD.bytes + OFFSET.directionEvidence]!;
    const flow = this.flows.slotOf(view, i, NO_END, evidence, via, 0, true);
    // Connections need the room for their ports: failed connects must not take it.
    if (this.book.isFailedOnly(flow))
      this.book.portsOf(flow).dialled(view.halves[i * RECORD.halves + HALF.localPort]!, this.book.generation);
    return flow;
  }
}
