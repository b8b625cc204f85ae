/**
 * One host's probes, one after the other: a probe that is started again is another one, and finds what the one before it
 * left. One of them speaks for the host; what those before it stated counts on until the window has passed, flow by flow.
 * Of several at once the first one speaks, and the others wait.
 */
import { Handover } from './handover.js';
import type { HeldFlow } from './held-flow.js';
import type { ProbeFlows } from './probe-flows.js';

/** A speaker that misses this many of its intervals is silent, and another one speaks for the host. */
const MISSED_INTERVALS = 2;

/** Follows which flows stand for the host. */
interface Listed {
  add(flow: HeldFlow): void;
  remove(flow: HeldFlow): void;
  changed(flow: HeldFlow): void;
}

export class HostEpochs {
  readonly #listed: Listed;
  #speaker: ProbeFlows | undefined;
  /** Speakers before it, while the window reaches there, each with what became of its flows in the next epoch. */
  readonly #former = new Map<ProbeFlows, { readonly next: ProbeFlows; readonly handover: Handover }>();
  readonly #waiting = new Set<ProbeFlows>();

  constructor(listed: Listed) {
    this.#listed = listed;
  }

  get isEmpty(): boolean {
    return this.#speaker === undefined && this.#former.size + this.#waiting.size === 0;
  }

  isSpeaker(probe: ProbeFlows): boolean {
    return probe === this.#speaker;
  }

  /** Before a probe's statement of this time is taken in. */
  speaks(probe: ProbeFlows, atMs: number): void {
    const speaker = this.#speaker;
    if (probe === speaker) return;
    const former = this.#former.get(probe);
    if (former !== undefined) {
      if (atMs <= former.next.epochMs) return;
      // It was late rather than gone; what it counts now, its successor counts, too.
      for (const flow of probe.flows()) this.removed(probe, flow);
      this.#former.delete(probe);
      this.#waiting.add(probe);
      return;
    }
    if (speaker === undefined) this.#begin(probe);
    else if (probe.epochMs > speaker.window.lastMs) this.#succeed(probe, speaker);
    else if (atMs - speaker.window.lastMs > MISSED_INTERVALS * speaker.intervalMs) {
      probe.window.cut(speaker.window.lastMs);
      this.#succeed(probe, speaker);
    } else this.#waiting.add(probe);
  }

  added(probe: ProbeFlows, flow: HeldFlow): void {
    if (this.#waiting.has(probe)) return;
    this.#listed.add(flow);
    const predecessor = this.#handoverTo(probe)?.addPresent(flow);
    if (predecessor !== undefined) this.#listed.remove(predecessor);
    const successor = this.#former.get(probe)?.handover.addFormer(flow);
    if (successor !== undefined) {
      this.#listed.remove(flow);
      this.#listed.changed(successor);
    }
    this.#settle(probe, flow);
  }

  removed(probe: ProbeFlows, flow: HeldFlow): void {
    if (this.#waiting.has(probe)) return;
    this.#listed.remove(flow);
    const predecessor = this.#handoverTo(probe)?.removePresent(flow);
    if (predecessor !== undefined) this.#listed.add(predecessor);
    const successor = this.#former.get(probe)?.handover.removeFormer(flow);
    if (successor !== undefined) this.#listed.changed(successor);
    this.#settle(probe, flow);
  }

  changed(probe: ProbeFlows, flow: HeldFlow): void {
    if (this.#waiting.has(probe)) return;
    this.#listed.changed(flow.newest);
    this.#settle(probe, flow);
  }

  /** What one epoch found of another depends on where the window begins, whether or not anybody looks. */
  slid(probe: ProbeFlows, flow: HeldFlow): void {
    if (!this.#waiting.has(probe)) this.#settle(probe, flow);
  }

  /** Former speakers that the window has passed. */
  passed(beginMs: number): ProbeFlows[] {
    if (this.#former.size === 0) return [];
    return [...this.#former.keys()].filter(({ window }) => window.lastMs <= beginMs);
  }

  /** A probe is forgotten; its flows have been removed. */
  forget(probe: ProbeFlows): void {
    this.#former.delete(probe);
    this.#waiting.delete(probe);
    if (probe !== this.#speaker) return;
    this.#speaker = undefined;
    const [next] = this.#waiting;
    if (next !== undefined) this.#begin(next);
  }

  #begin(probe: ProbeFlows): void {
    this.#waiting.delete(probe);
    this.#speaker = probe;
    for (const flow of probe.flows()) this.added(probe, flow);
  }

  #succeed(probe: ProbeFlows, speaker: ProbeFlows): void {
    const handover = new Handover();
    this.#former.set(speaker, { next: probe, handover });
    for (const flow of speaker.flows()) {
      handover.addFormer(flow);
      this.#listed.changed(flow);
    }
    this.#begin(probe);
  }

  /** From the epoch before this one. */
  #handoverTo(probe: ProbeFlows): Handover | undefined {
    for (const { next, handover } of this.#former.values()) if (next === probe) return handover;
    return undefined;
  }

  #settle(probe: ProbeFlows, flow: HeldFlow): void {
    if (this.#former.size === 0) return;
    for (const handover of [this.#handoverTo(probe), this.#former.get(probe)?.handover])
      for (const changed of handover?.settle(flow) ?? []) this.#listed.changed(changed.newest);
  }
}
