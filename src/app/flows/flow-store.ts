/**
 * What all probes state of flows: of each the newest statement and what the window begins with, joined. A statement touches
 * what it names, and nothing else. No I/O, and no clock of its own: times are handed in, by the app's clock.
 */
import type { Statement } from '../../flows/statement.js';
import { AppError } from '../errors.js';
import { weighStatement } from './flow-weight.js';
import type { HeldFlow } from './held-flow.js';
import { HostEpochs } from './host-epochs.js';
import type { JoinedFlow } from './joined-flow.js';
import { Joiner } from './joiner.js';
import { ProbeFlows, type FlowListener } from './probe-flows.js';
import { checkStatement } from './statement-check.js';

export interface FlowStoreSettings {
  readonly windowMs: number;
  /** Most flows held at once. */
  readonly maxFlows: number;
  readonly maxFlowsPerProbe: number;
  /** Most bytes they may take, as estimated. */
  readonly maxBytes: number;
}

/** `seq` is what the store has now; `have` likewise, 0 when it has nothing of this epoch. */
export type Taken =
  { readonly taken: true; readonly seq: number } | { readonly taken: false; readonly have: number };

export interface FlowStoreCounts {
  readonly probes: number;
  /** Flows held, of former epochs and those stated no longer among them. */
  readonly flows: number;
  /** Estimated. */
  readonly bytes: number;
  /** Triples where statements of several hosts may meet. */
  readonly triples: number;
  readonly statements: number;
  /** Statements that there was no room for. */
  readonly refused: number;
}

export class FlowStore {
  readonly #settings: FlowStoreSettings;
  readonly #joiner = new Joiner();
  /** By probe id: its present epoch. */
  readonly #probes = new Map<string, ProbeFlows>();
  readonly #hosts = new Map<string, HostEpochs>();
  /** Epochs that are over, while the window has them. */
  readonly #former = new Set<ProbeFlows>();
  #statements = 0;
  #refused = 0;

  constructor(settings: FlowStoreSettings) {
    this.#settings = settings;
  }

  /**
   * Takes in a statement whole, or not at all. One that was taken before changes nothing.
   * @param atMs when its state was taken, by the app's clock
   * @throws AppError WINDOW_FULL, BROKEN_STATEMENT
   */
  state(probeId: string, statement: Statement, atMs: number): Taken {
    const known = this.#probes.get(probeId);
    const { base, seq, epoch } = statement;
    const held = known?.epoch === epoch && known.host === statement.host ? known : undefined;
    const have = held?.seq ?? 0;
    if (held !== undefined && base < have && seq <= have) return { taken: true, seq: have };
    const isOld = known !== undefined && held === undefined && epoch <= known.epoch;
    if (isOld || (base !== 0 && base !== have)) return { taken: false, have };
    checkStatement(statement, (id) => held?.has(id) === true);
    this.#refuseWhenFull(statement, held);
    this.#statements++;
    const probe = held ?? this.#begin(probeId, statement, atMs);
    this.#hostOf(probe.host).speaks(probe, atMs);
    probe.take(statement, atMs);
    this.#dropPassed(probe.host, atMs);
    return { taken: true, seq };
  }

  /** A host's local networks, as `172.17.0.1/16`: two hosts with one interface address have two networks. */
  noteHost(hostName: string, localNetworks: readonly string[]): void {
    this.#joiner.noteHost(hostName, localNetworks);
  }

  /** Drops all that a probe stated. */
  forget(probeId: string): void {
    const probe = this.#probes.get(probeId);
    if (probe === undefined) return;
    this.#probes.delete(probeId);
    this.#drop(probe);
  }

  /** Changes whenever what `flows` gives may have. */
  version(nowMs: number): number {
    this.#slide(nowMs);
    return this.#joiner.version;
  }

  /** All flows of the window; the same array until the version changes. */
  flows(nowMs: number): readonly JoinedFlow[] {
    this.#slide(nowMs);
    return this.#joiner.joined();
  }

  /** Whether some probe has seen a socket at this address. */
  isOwned(address: string): boolean {
    return this.#joiner.isOwned(address);
  }

  counts(): FlowStoreCounts {
    const { flows, bytes } = this.#held();
    return {
      probes: this.#probes.size,
      flows,
      bytes,
      triples: this.#joiner.triples,
      statements: this.#statements,
      refused: this.#refused,
    };
  }

  #begin(probeId: string, statement: Statement, atMs: number): ProbeFlows {
    const before = this.#probes.get(probeId);
    const { windowMs } = this.#settings;
    const follow = (tell: (epochs: HostEpochs, flow: HeldFlow) => void) => (flow: HeldFlow) => {
      tell(this.#hostOf(flow.host), flow);
    };
    const listener: FlowListener = {
      added: follow((epochs, flow) => epochs.added(probe, flow)),
      removed: follow((epochs, flow) => epochs.removed(probe, flow)),
      changed: follow((epochs, flow) => epochs.changed(probe, flow)),
      slid: follow((epochs, flow) => epochs.slid(probe, flow)),
      spanChanged: () => this.#joiner.touch(),
    };
    const probe: ProbeFlows = new ProbeFlows(probeId, statement, atMs, windowMs, listener);
    this.#probes.set(probeId, probe);
    if (before !== undefined) {
      if (before.host === probe.host && this.#hostOf(probe.host).isSpeaker(before)) this.#former.add(before);
      else this.#drop(before);
    }
    return probe;
  }

  #slide(nowMs: number): void {
    for (const probe of this.#probes.values()) probe.slide(nowMs);
    for (const probe of this.#former) probe.slide(nowMs);
    for (const host of this.#hosts.keys()) this.#dropPassed(host, nowMs);
  }

  /** Drops epochs of a host that another one followed and the window has passed. */
  #dropPassed(host: string, nowMs: number): void {
    const epochs = this.#hosts.get(host);
    if (epochs === undefined) return;
    for (const probe of epochs.passed(nowMs - this.#settings.windowMs)) {
      if (this.#probes.get(probe.id) === probe) this.#probes.delete(probe.id);
      this.#drop(probe);
    }
  }

  #drop(probe: ProbeFlows): void {
    this.#former.delete(probe);
    probe.clear();
    const epochs = this.#hostOf(probe.host);
    epochs.forget(probe);
    if (!epochs.isEmpty) return;
    this.#hosts.delete(probe.host);
    this.#joiner.forgetHost(probe.host);
  }

  #hostOf(host: string): HostEpochs {
    let epochs = this.#hosts.get(host);
    if (epochs === undefined) this.#hosts.set(host, (epochs = new HostEpochs(this.#joiner)));
    return epochs;
  }

  #refuseWhenFull(statement: Statement, held: ProbeFlows | undefined): void {
    const { maxFlows, maxFlowsPerProbe, maxBytes, windowMs } = this.#settings;
    const all = this.#held();
    const after = held?.after(statement) ?? weighStatement(statement);
    const isFull =
      after.flows > maxFlowsPerProbe ||
      all.flows - (held?.size ?? 0) + after.flows > maxFlows ||
      all.bytes - (held?.bytes ?? 0) + after.bytes > maxBytes;
    if (!isFull) return;
    this.#refused++;
    const what = `a statement of ${statement.flows.length} flows`;
    throw new AppError('WINDOW_FULL', `cannot take in ${what}: the window is full`, {
      retryAfterSeconds: Math.max(1, Math.ceil(windowMs / 1_000)),
    });
  }

  #held(): { flows: number; bytes: number } {
    const sum = { flows: 0, bytes: 0 };
    for (const probes of [this.#probes.values(), this.#former]) {
      for (const { size, bytes } of probes) {
        sum.flows += size;
        sum.bytes += bytes;
      }
    }
    return sum;
  }
}
