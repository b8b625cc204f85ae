/**
 * Survives the death of the eBPF source: a new one replaces it and finds live sockets by itself. If that dies soon, or can't
 * be opened, /proc is the source from then on. The current snapshot succeeds all the same.
 */
import type { Coverage } from '../records/coverage.js';
import type { ConnectionSource, Snapshot, SnapshotRequest, UnreportedEnds } from '../records/source.js';

export interface SeededSource {
  readonly source: ConnectionSource;
  /** Resolves when connections older than the source are known. */
  readonly seeded: Promise<void>;
}

export interface FailoverOptions {
  readonly openEbpf: () => Promise<SeededSource>;
  readonly openProcfs: () => Promise<SeededSource>;
  /** Called with one line each time the source is replaced. */
  readonly warn: (message: string) => void;
  /** A death that follows another within this many milliseconds ends the attempts. Default: one minute. */
  readonly quickDeathMs?: number;
  /** A monotonic clock, milliseconds. */
  readonly now?: () => number;
}

const QUICK_DEATH_MS = 60_000;

export class FailoverSource implements ConnectionSource {
  readonly #options: Required<FailoverOptions>;
  #active: ConnectionSource;
  #diedAt: number | undefined;
  #restarts = 0;
  #fallbacks = 0;
  #closed = false;
  /** Why the active source must be replaced. */
  #distrusted: string | undefined;

  /** @param first an eBPF source that works */
  constructor(first: ConnectionSource, options: FailoverOptions) {
    this.#active = first;
    this.#options = { quickDeathMs: QUICK_DEATH_MS, now: () => performance.now(), ...options };
  }

  get kind(): ConnectionSource['kind'] {
    return this.#active.kind;
  }

  get coverage(): Coverage | undefined {
    return this.#active.coverage;
  }

  async snapshot(request?: SnapshotRequest): Promise<Snapshot> {
    try {
      this.#refuseDistrusted();
      return await this.#active.snapshot(request);
    } catch (error) {
      if (this.#closed || this.#active.kind !== 'ebpf') throw error;
      await this.#replace(error);
      return this.#active.snapshot(); // a whole one: the new source has handed over nothing yet
    }
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#active.counters(), sourceRestarts: this.#restarts, sourceFallbacks: this.#fallbacks };
  }

  unreported(ends: UnreportedEnds): void {
    this.#active.unreported?.(ends);
  }

  distrust(why: string): void {
    if (this.#active.kind === 'ebpf') this.#distrusted = why;
    else this.#active.distrust?.(why);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#active.close();
  }

  #refuseDistrusted(): void {
    const why = this.#distrusted;
    this.#distrusted = undefined;
    if (why !== undefined) throw new Error(why);
  }

  async #replace(death: unknown): Promise<void> {
    const { warn, now, quickDeathMs } = this.#options;
    const before = this.#diedAt;
    this.#diedAt = now();
    // It is dead: what can't be closed is gone already.
    await this.#active.close().catch(() => undefined);
    if (before !== undefined && this.#diedAt - before < quickDeathMs) {
      await this.#fallBack(`it died twice within ${quickDeathMs / 1000} s: ${messageOf(death)}`);
      return;
    }
    try {
      await this.#use(this.#options.openEbpf());
      this.#restarts++;
      warn(`the eBPF source died and was started again: ${messageOf(death)}`);
    } catch (error) {
      await this.#fallBack(
        `it died (${messageOf(death)}) and could not be started again: ${messageOf(error)}`,
      );
    }
  }

  async #fallBack(reason: string): Promise<void> {
    await this.#use(this.#options.openProcfs());
    this.#fallbacks++;
    this.#options.warn(`the eBPF source is given up, connections are read from /proc from now on: ${reason}`);
  }

  /** Waits until live sockets are known: this source makes the snapshot that failed. */
  async #use(opening: Promise<SeededSource>): Promise<void> {
    const { source, seeded } = await opening;
    this.#active = source;
    if (this.#closed) await source.close();
    await seeded;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
