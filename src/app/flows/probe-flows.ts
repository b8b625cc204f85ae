/** What one probe stated in one epoch: its newest statement, flow by flow, and the window over it. */
import type { StatedFlow, Statement } from '../../flows/statement.js';
import { isSameDefinition } from './flow-equality.js';
import { weighDefinition, weighHeld, weighState, weighStatement } from './flow-weight.js';
import { HeldFlow } from './held-flow.js';
import { holdState, isSameState } from './held-state.js';
import { ProbeWindow } from './probe-window.js';

/** Follows what becomes of the flows. */
export interface FlowListener {
  added(flow: HeldFlow): void;
  /** Before its definition changes, and when it is no more. */
  removed(flow: HeldFlow): void;
  changed(flow: HeldFlow): void;
  /** Its difference over the window may be another one; it changed before, and nobody has asked for it since. */
  slid(flow: HeldFlow): void;
  /** What has a rate has another one: its difference is over another time. */
  spanChanged(): void;
}

export class ProbeFlows {
  readonly id: string;
  readonly host: string;
  readonly epoch: number;
  /** When it began to count, by the app's clock, milliseconds. */
  readonly epochMs: number;
  readonly window: ProbeWindow;
  readonly #listener: FlowListener;
  readonly #flows = new Map<number, HeldFlow>();
  /** Flows of which the difference over the window may be another one when the window moves. */
  readonly #recent = new Set<number>();
  #seq = 0;
  #intervalMs: number;
  #bytes = 0;

  /** @param atMs time of its first statement, by the app's clock */
  constructor(id: string, first: Statement, atMs: number, windowMs: number, listener: FlowListener) {
    this.id = id;
    this.host = first.host;
    this.epoch = first.epoch;
    this.epochMs = Math.min(atMs, atMs - (first.atMs - first.epoch));
    this.window = new ProbeWindow(this.epochMs, atMs, windowMs);
    this.#intervalMs = first.intervalMs;
    this.#listener = listener;
  }

  get seq(): number {
    return this.#seq;
  }

  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** Those stated no longer among them, while the window has them. */
  get size(): number {
    return this.#flows.size;
  }

  /** Estimated. */
  get bytes(): number {
    return this.#bytes;
  }

  has(id: number): boolean {
    return this.#flows.has(id);
  }

  flows(): Iterable<HeldFlow> {
    return this.#flows.values();
  }

  /** Flows and bytes that this would be after a statement. */
  after(statement: Statement): { readonly flows: number; readonly bytes: number } {
    const sum = { flows: this.#flows.size, bytes: this.#bytes + weighStatement(statement).bytes };
    for (const { id, definition, state } of statement.flows) {
      const held = this.#flows.get(id);
      if (held === undefined) sum.flows++;
      else {
        if (definition !== undefined) sum.bytes -= weighDefinition(held.definition);
        if (state !== undefined) sum.bytes -= weighHeld(held.state);
      }
    }
    return sum;
  }

  /** Takes in a statement that was checked. */
  take(statement: Statement, receivedMs: number): void {
    const atMs = this.#seq === 0 ? this.window.lastMs : this.window.next(receivedMs);
    this.#seq = statement.seq;
    this.#intervalMs = statement.intervalMs;
    if (statement.base === 0) this.#leaveAllBut(statement.flows);
    for (const stated of statement.flows) this.#takeFlow(stated, atMs);
    for (const id of statement.gone) this.#leave(id);
    if (this.#recent.size > 0) this.#listener.spanChanged();
    // Whether or not anybody looks, the past must not pile up.
    this.slide(atMs);
  }

  /** Moves the window's begin on. */
  slide(nowMs: number): void {
    if (this.window.slide(nowMs)) this.#slideRecent();
  }

  clear(): void {
    for (const id of [...this.#flows.keys()]) this.#drop(id);
  }

  #leaveAllBut(stated: readonly StatedFlow[]): void {
    const ids = new Set(stated.map(({ id }) => id));
    for (const [id, { isGone }] of this.#flows) if (!isGone && !ids.has(id)) this.#leave(id);
  }

  #takeFlow({ id, definition, state }: StatedFlow, atMs: number): void {
    const held = this.#flows.get(id);
    if (held === undefined) {
      const flow = new HeldFlow(this.host, this.window, definition!, holdState(state!), atMs);
      this.#flows.set(id, flow);
      this.#bytes += weighDefinition(definition!) + weighState(state!);
      this.#recent.add(id);
      this.#listener.added(flow);
      return;
    }
    const isOther = definition !== undefined && !isSameDefinition(definition, held.definition);
    if (isOther) {
      this.#listener.removed(held);
      this.#bytes += weighDefinition(definition) - weighDefinition(held.definition);
      held.redefine(definition);
    }
    const next = state && holdState(state);
    const isMoved = next !== undefined && (held.isGone || !isSameState(held.state, next));
    if (isMoved) {
      this.#bytes -= weightOf(held);
      held.restate(next, atMs);
      this.#bytes += weightOf(held);
      this.#recent.add(id);
    }
    if (isOther) this.#listener.added(held);
    else if (isMoved) this.#listener.changed(held);
  }

  #leave(id: number): void {
    const flow = this.#flows.get(id);
    if (flow === undefined) return;
    flow.leave();
    this.#recent.add(id);
    this.#listener.changed(flow);
  }

  #slideRecent(): void {
    if (this.#recent.size > 0) this.#listener.spanChanged();
    for (const id of this.#recent) {
      const flow = this.#flows.get(id)!;
      const { past, isAsked } = flow;
      const isOther = flow.slide();
      this.#bytes += weightOfPast(flow.past) - weightOfPast(past);
      if (isOther && isAsked) this.#listener.changed(flow);
      else if (isOther) this.#listener.slid(flow);
      if (flow.isRecent) continue;
      this.#recent.delete(id);
      if (flow.isGone) this.#drop(id);
    }
  }

  #drop(id: number): void {
    const flow = this.#flows.get(id)!;
    this.#flows.delete(id);
    this.#recent.delete(id);
    this.#bytes -= weighDefinition(flow.definition) + weightOf(flow);
    this.#listener.removed(flow);
  }
}

function weightOf({ state, past }: HeldFlow): number {
  return weighHeld(state) + weightOfPast(past);
}

function weightOfPast(past: HeldFlow['past']): number {
  let bytes = 0;
  for (const { state } of past) bytes += weighHeld(state);
  return bytes;
}
