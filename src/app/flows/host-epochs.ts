/**
 * One host's probes, one after the other: a probe that is started again is another one, and finds what the one before it
 * left. One of them speaks for the host; what the one before it said is counted on until the window has passed, flow by
 * flow, so that nothing counts twice. Of several at once the first one speaks, and the others wait.
 */
import type { FlowDefinition } from '../../flows/flow.js';
import { processKey } from './ends.js';
import type { HeldFlow } from './held-flow.js';
import type { ProbeFlows } from './probe-flows.js';

/** A speaker that misses this many of its intervals is silent, and another one speaks for the host. */
const MISSED_INTERVALS = 2;

export class HostEpochs {
  /** Told of flows that begin, and cease, to stand for the host. */
  readonly #listed: {
    add(flow: HeldFlow): void;
    remove(flow: HeldFlow): void;
    changed(flow: HeldFlow): void;
  };
  #speaker: ProbeFlows | undefined;
  /** Speakers before it, while the window reaches there. */
  readonly #former = new Set<ProbeFlows>();
  readonly #waiting = new Set<ProbeFlows>();
  /** Flows of former speakers that nobody goes on with, by what they are. */
  readonly #left = new Map<string, HeldFlow>();

  constructor(listed: {
    add(flow: HeldFlow): void;
    remove(flow: HeldFlow): void;
    changed(flow: HeldFlow): void;
  }) {
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
    if (this.#former.has(probe)) {
      // It was late rather than gone; what it counts now, its successor counts, too.
      if (atMs <= (speaker?.epochMs ?? Infinity)) return;
      this.#leave(probe);
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
    if (probe === this.#speaker) this.#list(flow);
    else if (this.#former.has(probe)) this.#leaveBehind(flow);
  }

  removed(flow: HeldFlow): void {
    const { predecessor, successor } = flow;
    this.#listed.remove(flow);
    if (this.#left.get(keyOf(flow)) === flow) this.#left.delete(keyOf(flow));
    if (predecessor !== undefined) {
      flow.follow(undefined);
      this.#leaveBehind(predecessor);
    }
    if (successor !== undefined) {
      successor.follow(undefined);
      this.#listed.changed(successor);
    }
  }

  changed(flow: HeldFlow): void {
    this.#listed.changed(flow);
    if (flow.successor !== undefined) this.changed(flow.successor);
  }

  /** Former speakers that the window has passed. */
  passed(nowMs: number, windowMs: number): ProbeFlows[] {
    if (this.#former.size === 0) return [];
    return [...this.#former].filter(({ window }) => window.lastMs <= nowMs - windowMs);
  }

  /** A probe is forgotten; its flows have been removed. */
  forget(probe: ProbeFlows): void {
    this.#former.delete(probe);
    this.#waiting.delete(probe);
    if (probe !== this.#speaker) return;
    this.#speaker = undefined;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#begin(next);
  }

  #begin(probe: ProbeFlows): void {
    this.#waiting.delete(probe);
    this.#speaker = probe;
    for (const flow of probe.flows()) this.#list(flow);
  }

  #succeed(probe: ProbeFlows, speaker: ProbeFlows): void {
    this.#former.add(speaker);
    speaker.end();
    for (const flow of speaker.flows()) this.#left.set(keyOf(flow), flow);
    this.#begin(probe);
  }

  #leave(probe: ProbeFlows): void {
    this.#former.delete(probe);
    for (const flow of probe.flows()) {
      const { successor } = flow;
      if (successor === undefined) this.removed(flow);
      else {
        successor.follow(undefined);
        this.#listed.changed(successor);
      }
    }
  }

  #list(flow: HeldFlow): void {
    const key = keyOf(flow);
    const before = this.#left.size === 0 ? undefined : this.#left.get(key);
    if (before !== undefined) {
      this.#left.delete(key);
      this.#listed.remove(before);
      flow.follow(before);
    }
    this.#listed.add(flow);
  }

  /** Nobody goes on with it (any more): it stands for itself. */
  #leaveBehind(flow: HeldFlow): void {
    flow.outdate();
    this.#left.set(keyOf(flow), flow);
    this.#listed.add(flow);
  }
}

/** What makes a flow the same one in two epochs. */
function keyOf({ definition }: HeldFlow): string {
  const { kind, scope, client, server, via, clientVia }: FlowDefinition = definition;
  const ends = `${client.address}\n${processKey(client.process)}\n${server.address}\n${server.port}\n${processKey(server.process)}`;
  return `${kind}\n${scope}\n${ends}\n${via}\n${clientVia}`;
}
