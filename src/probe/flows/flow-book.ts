/**
 * This host's flows and their numbers, in columns by slot. Trackers of connections add and subtract; every change is marked
 * with its state (`seq`). Statements name a flow by its id. Slots are reused, ids are not.
 */
import { NO_FAILURES, NUMBERS, type FlowPorts, type FlowState } from '../../flows/flow.js';
import { FlowKeys, KEY, KEY_WORDS } from './flow-keys.js';
import { PortSample } from './port-sample.js';
import { NO_PROCESS, type ProcessBook } from './process-book.js';
import { Recency } from './recency.js';
import { withRoom } from './slot-index.js';

/**
 * Places after those of `Num`. Scope's form needs a connection's numbers over its whole life: those of live connections
 * (gauges), and those from before a connection was known (totals).
 */
export const Life = {
  BytesSent: NUMBERS,
  BytesReceived: NUMBERS + 1,
  Retransmits: NUMBERS + 2,
  EarlierSent: NUMBERS + 3,
  EarlierReceived: NUMBERS + 4,
  EarlierRetransmits: NUMBERS + 5,
} as const;
const WIDTH = 17;
const LIVE = 3;

/** The most removed flows that are remembered; an app with an older state gets everything. */
const GONE_MAX = 50_000;
/** A flow is stated for so long after its last change, milliseconds. */
const IDLE_MS = 60_000;
/** The most flows with failed connects only: a port scan dials any number of addresses. The rest share one flow. */
const FAILED_ONLY_MAX = 2_000;

export class FlowBook {
  readonly keys = new FlowKeys();
  /** By slot `WIDTH` numbers: those of `Num` and of `Life`. */
  numbers = new Float64Array(64 * WIDTH);
  /** By slot; 0: the slot is free. */
  ids = new Int32Array(64);
  /** By slot: the state of its last change. */
  #stateSeqs = new Int32Array(64);
  #definitionSeqs = new Int32Array(64);
  #changedAtMs = new Float64Array(64);
  direction = new Uint8Array(64);
  clientEvidence = new Uint8Array(64);
  serverEvidence = new Uint8Array(64);
  clientNetns = new Int32Array(64);
  serverNetns = new Int32Array(64);
  /** Bit 0: the client's socket is on this host; bit 1: the server's. */
  here = new Uint8Array(64);
  subflows = new Uint8Array(64);
  /** 1: it has only failed connects. */
  #isFailedOnly = new Uint8Array(64);
  readonly #failures: (Map<string, number> | undefined)[] = [];
  readonly #ports: (PortSample | undefined)[] = [];
  /** The states handed out, until the next change. */
  readonly #states: (FlowState | undefined)[] = [];
  readonly #recency = new Recency();
  /** In the order of their removal. */
  readonly #gone: { readonly id: number; readonly seq: number }[] = [];
  #forgottenSeq = 0;
  #nextId = 1;
  #failedOnly = 0;
  #other = -1;
  /** The state that is being made. */
  seq = 0;
  nowMs = 0;
  /** Counts up every few seconds: see `PortSample`. */
  generation = 0;

  constructor(
    private readonly processes: ProcessBook,
    readonly maxFlows: number,
  ) {}

  get size(): number {
    return this.keys.size;
  }

  /**
   * The slot of the flow with this key, if need be a new one; the overflow flow if there is no room.
   * @param isFailed for a failed connect
   */
  slotOf(key: Int32Array, isFailed = false): number {
    const found = this.keys.find(key);
    if (found >= 0) {
      if (!isFailed && this.#isFailedOnly[found] === 1) this.#setFailedOnly(found, 0);
      return found;
    }
    if (this.keys.size >= this.maxFlows || (isFailed && this.#failedOnly >= FAILED_ONLY_MAX))
      return this.#overflow();
    const slot = this.#add(key);
    if (isFailed) this.#setFailedOnly(slot, 1);
    return slot;
  }

  /** Whether the flow has only failed connects. */
  isFailedOnly(slot: number): boolean {
    return this.#isFailedOnly[slot] === 1;
  }

  #setFailedOnly(slot: number, is: 0 | 1): void {
    this.#failedOnly += is - this.#isFailedOnly[slot]!;
    this.#isFailedOnly[slot] = is;
  }

  /** Whether it is the overflow flow. */
  isOverflow(slot: number): boolean {
    return slot === this.#other;
  }

  /** A new id for a flow, also for flows kept elsewhere. */
  newId(): number {
    return this.#nextId++;
  }

  /** Removes this id as of the current state. */
  noteGone(id: number): void {
    this.#gone.push({ id, seq: this.seq });
    if (this.#gone.length > GONE_MAX)
      for (const { seq } of this.#gone.splice(0, this.#gone.length - GONE_MAX / 2)) this.#forgottenSeq = seq;
  }

  /** Adds to one of the flow's numbers; does not mark it. */
  add(slot: number, place: number, amount: number): void {
    this.numbers[slot * WIDTH + place]! += amount;
  }

  numberAt(slot: number, place: number): number {
    return this.numbers[slot * WIDTH + place]!;
  }

  /** The flow's state has changed. */
  mark(slot: number): void {
    if (this.#stateSeqs[slot] === this.seq) return;
    this.#states[slot] = undefined;
    this.#stateSeqs[slot] = this.seq;
    this.#changedAtMs[slot] = this.nowMs;
    this.#recency.renew(slot);
  }

  /** The flow's definition has changed. */
  markDefinition(slot: number): void {
    if (this.#definitionSeqs[slot] === this.seq) return;
    this.#definitionSeqs[slot] = this.seq;
    this.#recency.renew(slot);
  }

  addFailure(slot: number, reason: string, count: number): void {
    const failures = (this.#failures[slot] ??= new Map<string, number>());
    const sum = (failures.get(reason) ?? 0) + count;
    if (sum <= 0) failures.delete(reason);
    else failures.set(reason, sum);
    this.mark(slot);
  }

  hasFailures(slot: number): boolean {
    return (this.#failures[slot]?.size ?? 0) > 0;
  }

  portsOf(slot: number): PortSample {
    return (this.#ports[slot] ??= new PortSample(this.generation));
  }

  /** The numbers include those of `Life`. @param livePorts of the flow's live connections */
  stateOf(slot: number, livePorts: (slot: number) => Iterable<number>): FlowState {
    const known = this.#states[slot];
    if (known !== undefined) return known;
    const ports = this.#ports[slot];
    if (ports?.isTooThin === true) ports.rebuild(livePorts(slot));
    const state = {
      numbers: this.numbers.slice(slot * WIDTH, (slot + 1) * WIDTH),
      failed: this.#failedOf(slot),
      ports: this.#statedPorts(ports),
    };
    return (this.#states[slot] = state);
  }

  /** Slots of all flows. */
  *slots(): Iterable<number> {
    for (let slot = 0; slot < this.keys.end; slot++) if (this.ids[slot] !== 0) yield slot;
  }

  /** Slots of the flows that changed after state `base`. */
  changedSince(base: number): number[] {
    const [states, definitions] = [this.#stateSeqs, this.#definitionSeqs];
    return this.#recency.take((slot) => states[slot]! > base || definitions[slot]! > base);
  }

  isStateNewer(slot: number, base: number): boolean {
    return this.#stateSeqs[slot]! > base;
  }

  isDefinitionNewer(slot: number, base: number): boolean {
    return this.#definitionSeqs[slot]! > base;
  }

  /** Ids of flows removed after state `base`, ascending; undefined: that is forgotten. */
  goneSince(base: number): number[] | undefined {
    if (base < this.#forgottenSeq) return undefined;
    const ids: number[] = [];
    for (let i = this.#gone.length - 1; i >= 0 && this.#gone[i]!.seq > base; i--) ids.push(this.#gone[i]!.id);
    return ids.sort((a, b) => a - b);
  }

  /**
   * Removes flows without live connections whose last change is a minute old and confirmed by every app. If there is hardly
   * any room left, removes those changed longest ago in any case. Returns the number of removed flows.
   * @param confirmed the state that all apps have
   */
  expire(confirmed: number): number {
    let gone = 0;
    const isTight = this.keys.size > this.maxFlows * 0.9;
    for (const slot of this.slots()) {
      if (slot === this.#other || this.numberAt(slot, LIVE) > 0) continue;
      const isKnown = this.#stateSeqs[slot]! <= confirmed;
      if (this.nowMs - this.#changedAtMs[slot]! < IDLE_MS || !(isKnown || isTight)) continue;
      if (this.isInUse(slot)) continue;
      this.#remove(slot);
      gone++;
    }
    if (this.keys.size > this.maxFlows * 0.9) gone += this.#expireIdlest();
    return gone;
  }

  /** Set by the connection tracker: whether the flow has numbers that may still change. */
  isInUse: (slot: number) => boolean = () => false;

  #expireIdlest(): number {
    const idle = [...this.slots()].filter(
      (slot) => slot !== this.#other && this.numberAt(slot, LIVE) === 0 && !this.isInUse(slot),
    );
    idle.sort((a, b) => this.#changedAtMs[a]! - this.#changedAtMs[b]!);
    const going = idle.slice(0, Math.max(0, this.keys.size - Math.floor(this.maxFlows * 0.8)));
    for (const slot of going) this.#remove(slot);
    return going.length;
  }

  #add(key: Int32Array): number {
    const slot = this.keys.add(key);
    this.#makeRoom(slot + 1);
    this.ids[slot] = this.newId();
    this.numbers.fill(0, slot * WIDTH, (slot + 1) * WIDTH);
    this.direction[slot] = this.clientEvidence[slot] = this.serverEvidence[slot] = this.here[slot] = 0;
    this.subflows[slot] = 0;
    this.clientNetns[slot] = this.serverNetns[slot] = 0;
    this.processes.use(key[KEY.clientProcess]!);
    this.processes.use(key[KEY.serverProcess]!);
    this.#stateSeqs[slot] = this.#definitionSeqs[slot] = -1;
    this.#recency.add(slot);
    this.mark(slot);
    this.markDefinition(slot);
    return slot;
  }

  #remove(slot: number): void {
    const { words } = this.keys;
    this.#setFailedOnly(slot, 0);
    this.processes.release(words[slot * KEY_WORDS + KEY.clientProcess]!);
    this.processes.release(words[slot * KEY_WORDS + KEY.serverProcess]!);
    this.noteGone(this.ids[slot]!);
    this.#recency.remove(slot);
    this.ids[slot] = 0;
    this.#failures[slot] = this.#ports[slot] = this.#states[slot] = undefined;
    this.keys.remove(slot);
  }

  /** The overflow flow: without addresses and processes. */
  #overflow(): number {
    if (this.#other < 0) this.#other = this.#add(new Int32Array(KEY_WORDS).fill(NO_PROCESS));
    return this.#other;
  }

  #failedOf(slot: number): FlowState['failed'] {
    const failures = this.#failures[slot];
    return failures === undefined || failures.size === 0 ? NO_FAILURES : new Map(failures);
  }

  #statedPorts(ports: PortSample | undefined): FlowPorts {
    return (ports ?? NO_SAMPLE).state(this.generation);
  }

  #makeRoom(slots: number): void {
    this.numbers = withRoom(this.numbers, slots * WIDTH);
    if (slots <= this.ids.length) return;
    this.ids = withRoom(this.ids, slots);
    this.#stateSeqs = withRoom(this.#stateSeqs, slots);
    this.#definitionSeqs = withRoom(this.#definitionSeqs, slots);
    this.#changedAtMs = withRoom(this.#changedAtMs, slots);
    this.direction = withRoom(this.direction, slots);
    this.clientEvidence = withRoom(this.clientEvidence, slots);
    this.serverEvidence = withRoom(this.serverEvidence, slots);
    this.clientNetns = withRoom(this.clientNetns, slots);
    this.serverNetns = withRoom(this.serverNetns, slots);
    this.here = withRoom(this.here, slots);
    this.subflows = withRoom(this.subflows, slots);
    this.#isFailedOnly = withRoom(this.#isFailedOnly, slots);
  }
}

const NO_SAMPLE = new PortSample(0);
