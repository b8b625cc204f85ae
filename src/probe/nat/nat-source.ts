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
import { unseenFlows, withFlowRecords } from './short-flows.js';
import type { ConntrackMonitor } from '../conntrack/monitor.js';

/**
 * Both are closed with the source that is returned.
 * @param extras.translations of the sockets' earlier source, which called them by the same ids
 * @param extras.namespaces whose counters are the source's, too
 * @param extras.warn told in one line when something is left out from now on
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

class TrackedSource implements ConnectionSource {
  /** Flows born after the last snapshot of /proc was begun and not seen in it; the next one decides. */
  #undecided: FlowBatch = NO_FLOWS;
  #knowsFlows = false;
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
   * A flow exists before its connection does: flows are read after the records. While flows are known the records are
   * wanted each time, because another look through them may show something else. Flows that are gone count as known
   * while a socket of theirs lives.
   */
  async #lookThrough({ mayBeUnchanged = false, ...request }: SnapshotRequest): Promise<Snapshot> {
    const snapshot = await this.source.snapshot({
      ...request,
      mayBeUnchanged: mayBeUnchanged && !this.#knowsFlows,
    });
    const news = await this.#flows();
    try {
      // Without records there is nothing to look at, and nothing was remembered.
      const nat = snapshot.unchanged === true ? undefined : resolveNat(snapshot, news, this.#translations);
      this.#lookedThrough += nat?.replaced ?? 0;
      const flows = this.#translations.withFlows(news);
      const sameSockets = snapshot.sameSockets === true && !this.#knowsFlows && flows.flowCount === 0;
      this.#knowsFlows = flows.flowCount > 0;
      return {
        ...snapshot,
        sameSockets,
        flows,
        ...(nat && { dialled: nat.dialled }),
        shortfalls: this.#shortfalls(),
      };
    } catch (error) {
      this.unreported(lostEnds(snapshot));
      throw error;
    }
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

  /** Warned of when they begin; that connection tracking can't be read at all is told at the start. */
  #shortfalls(): readonly string[] {
    const { shortfall, unavailable } = this.watcher;
    const texts = [shortfall, this.#namespaces?.shortfall].filter((text) => text !== undefined);
    const news = unavailable === undefined ? texts : texts.filter((text) => text !== shortfall);
    if (news.length > 0 && !this.#isShort) this.#warn(news.join('; '));
    this.#isShort = news.length > 0;
    return texts;
  }
}

function concatenate(a: FlowBatch, b: FlowBatch): FlowBatch {
  if (a.flowCount === 0) return b;
  const flows = new Uint8Array(a.flows.byteLength + b.flows.byteLength);
  flows.set(new Uint8Array(a.flows));
  flows.set(new Uint8Array(b.flows), a.flows.byteLength);
  return { flows: flows.buffer, flowCount: a.flowCount + b.flowCount };
}
