/**
 * A connection source together with connection tracking: its records are looked through NAT, and where the source misses
 * short connections (/proc), those that connection tracking saw are added.
 */
import type { Coverage } from '../records/coverage.js';
import type { NamespaceListing } from '../namespaces/net-namespaces.js';
import type { ConnectionSource, Snapshot, SnapshotRequest, UnreportedEnds } from '../records/source.js';
import { resolveNat } from './resolve-nat.js';
import { lostEnds } from '../records/lost-ends.js';
import { NO_FLOWS, type FlowBatch } from '../records/nat-flow.js';
import { Translations } from './translations.js';
import { FlowIndex } from './flow-index.js';
import { unseenFlows, withFlowRecords } from './short-flows.js';
import type { ConntrackMonitor } from '../conntrack/monitor.js';

/**
 * Both are closed with the source that is returned.
 * @param extras.translations of the sockets' earlier source, which called them by the same ids
 * @param extras.namespaces whose counters are the source's, too
 * @param extras.warn gets one line when something is left out from now on
 */
export function withConntrack(
  source: ConnectionSource,
  watcher: ConntrackMonitor,
  extras: TrackedExtras = {},
): ConnectionSource {
  return new TrackedSource(source, watcher, extras);
}

export interface TrackedExtras {
  readonly translations?: Translations | undefined;
  readonly namespaces?: Pick<NamespaceListing, 'counters' | 'shortfall'> | undefined;
  readonly warn?: ((message: string) => void) | undefined;
}

/** Snapshots between two that are whole only because a flow may be a socket's that was handed over. */
const FEWEST_BETWEEN = 4;

class TrackedSource implements ConnectionSource {
  /** Flows born after the last snapshot of /proc was begun and not seen in it; the next one decides. */
  #undecided: FlowBatch = NO_FLOWS;
  /** What the last snapshot was looked through with. */
  #flowsBefore: FlowBatch = NO_FLOWS;
  /** A socket that was handed over may lead elsewhere: only a whole snapshot has it again. */
  #wantsWhole = false;
  /** Snapshots since the last one that was whole for that. */
  #sinceTurn = Infinity;
  /** Nobody could say which flow some sockets have when all of them were looked at. */
  #isUnclear = false;
  #lookedThrough = 0;
  #shortConnections = 0;
  #failures = 0;
  readonly #translations: Translations;
  readonly #namespaces: TrackedExtras['namespaces'];
  readonly #warn: (message: string) => void;
  #isShort = false;

  constructor(
    private readonly source: ConnectionSource,
    private readonly watcher: ConntrackMonitor,
    { translations = new Translations(), namespaces, warn = () => undefined }: TrackedExtras,
  ) {
    this.#warn = warn;
    this.#translations = translations;
    this.#namespaces = namespaces;
  }

  get kind(): ConnectionSource['kind'] {
    return this.source.kind;
  }

  get coverage(): Coverage | undefined {
    return this.source.coverage;
  }

  async snapshot(request: SnapshotRequest = {}): Promise<Snapshot> {
    return this.source.kind === 'ebpf' ? this.#lookThrough(request) : this.#complete();
  }

  counters(): Readonly<Record<string, number>> {
    return {
      ...this.source.counters(),
      ...this.watcher.counters(),
      ...this.#namespaces?.counters(),
      conntrackLookedThrough: this.#lookedThrough,
      conntrackRemembered: this.#translations.size,
      conntrackNotRemembered: this.#translations.dropped,
      conntrackShortConnections: this.#shortConnections,
      conntrackFailures: this.#failures,
    };
  }

  unreported(ends: UnreportedEnds): void {
    this.source.unreported?.(ends);
  }

  distrust(why: string): void {
    this.source.distrust?.(why);
  }

  async close(): Promise<void> {
    await Promise.all([this.source.close(), this.watcher.close()]);
  }

  /**
   * A flow exists before its connection does: flows are read after the records, and a socket is looked through when its
   * record comes. A flow that is known later than that is looked for among the sockets that were handed over.
   */
  async #lookThrough({ changesOnly = false, ...request }: SnapshotRequest): Promise<Snapshot> {
    const isTurn = this.#wantsWhole && this.#sinceTurn >= FEWEST_BETWEEN;
    this.#sinceTurn = isTurn ? 0 : this.#sinceTurn + 1;
    const snapshot = await this.source.snapshot({ ...request, changesOnly: changesOnly && !isTurn });
    const news = await this.#flows();
    try {
      const nat = resolveNat(snapshot, news, this.#translations);
      this.#lookedThrough += nat.replaced;
      this.#lookAgain(snapshot, news, nat.isUnclear, request.isKnown);
      return {
        ...snapshot,
        flows: this.#translations.withFlows(news),
        dialled: nat.dialled,
        shortfalls: this.#shortfalls(),
      };
    } catch (error) {
      this.unreported(lostEnds(snapshot));
      throw error;
    }
  }

  /** Decides whether the next snapshot should be whole. */
  #lookAgain(
    { isWhole }: Snapshot,
    flows: FlowBatch,
    isUnclear: boolean,
    isKnown: SnapshotRequest['isKnown'] = () => false,
  ): void {
    const before = this.#flowsBefore;
    this.#flowsBefore = flows;
    if (isWhole) {
      this.#wantsWhole = false;
      this.#isUnclear = isUnclear;
      return;
    }
    if (isUnclear) this.#wantsWhole = true;
    if (this.#wantsWhole || flows === before) return;
    // Which of them goes with which socket may be clear now.
    const wasUnclear = this.#isUnclear || this.#translations.shared > 0;
    this.#wantsWhole = wasUnclear || isLateFor(FlowIndex.of(flows), FlowIndex.of(before), isKnown);
  }

  /** None when they can't be had: the records are taken already, and must not be lost with them. */
  async #flows(): Promise<FlowBatch> {
    try {
      return (await this.watcher.refresh()).flows;
    } catch {
      this.#failures++;
      return NO_FLOWS;
    }
  }

  /**
   * Flows born before the scan and without a socket in it are over. Those born while it went on may be in this one or in
   * the next: they wait.
   */
  async #complete(): Promise<Snapshot> {
    const before = await this.watcher.refresh();
    const snapshot = await this.source.snapshot();
    const after = await this.watcher.refresh();
    const { replaced, dialled } = resolveNat(snapshot, after.flows, this.#translations);
    this.#lookedThrough += replaced;
    const flows = this.#translations.withFlows(after.flows);
    const over = unseenFlows(snapshot, concatenate(this.#undecided, before.born), flows);
    this.#undecided = unseenFlows(snapshot, after.born, flows);
    this.#shortConnections += over.flowCount;
    return {
      ...snapshot,
      ...withFlowRecords(snapshot, over, flows),
      flows,
      dialled,
      shortfalls: this.#shortfalls(),
    };
  }

  /** Warns when they begin. (That conntrack can't be read at all is reported at the start.) */
  #shortfalls(): readonly string[] {
    const { shortfall, unavailable } = this.watcher;
    const texts = [shortfall, this.#namespaces?.shortfall].filter((text) => text !== undefined);
    const news = unavailable === undefined ? texts : texts.filter((text) => text !== shortfall);
    if (news.length > 0 && !this.#isShort) this.#warn(news.join('; '));
    this.#isShort = news.length > 0;
    return texts;
  }
}

/** Whether there is a flow that was not there before, and a socket that was handed over without it. */
function isLateFor(
  flows: FlowIndex,
  before: FlowIndex,
  isKnown: NonNullable<SnapshotRequest['isKnown']>,
): boolean {
  for (let flow = 0; flow < flows.count; flow++) {
    if (!flows.isTranslated(flow) || before.has(flows, flow)) continue;
    for (const side of ['originator', 'responder'] as const)
      if (flows.translatesFor(flow, side) && isKnown(flows.tupleOf(flow, side))) return true;
  }
  return false;
}

function concatenate(a: FlowBatch, b: FlowBatch): FlowBatch {
  if (a.flowCount === 0) return b;
  const flows = new Uint8Array(a.flows.byteLength + b.flows.byteLength);
  flows.set(new Uint8Array(a.flows));
  flows.set(new Uint8Array(b.flows), a.flows.byteLength);
  return { flows: flows.buffer, flowCount: a.flowCount + b.flowCount };
}
