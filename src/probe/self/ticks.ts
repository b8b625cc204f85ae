/** What became of the probe's ticks, for metrics and health. Holds numbers only: no report is kept alive by it. */

export interface TickOutcome {
  readonly durationMs: number;
  /** Records that the source delivered and those it knows it lost. */
  readonly records: number;
  readonly lost: number;
  /** Nodes of the report by topology key. */
  readonly nodes: ReadonlyMap<string, number>;
}

export interface TickObserver {
  started(): void;
  finished(outcome: TickOutcome): void;
  failed(durationMs: number): void;
}

/** Upper bounds in seconds; a tick over the usual interval of 3 s delays the next one. */
const DURATION_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10] as const;

export class Ticks implements TickObserver {
  readonly counters = { made: 0, failed: 0, records: 0, lost_records: 0 };
  readonly durationBounds: readonly number[] = DURATION_BOUNDS;
  /** Ticks whose duration was at most the bound of the same index; the last one counts all. */
  readonly durationCounts: number[] = [...DURATION_BOUNDS, Infinity].map(() => 0);
  durationSumSeconds = 0;
  /** Of the last report. */
  lastNodes: ReadonlyMap<string, number> = new Map();
  lastResult: 'none' | 'made' | 'failed' = 'none';
  #startedAt: number | undefined;
  #endedAt: number;

  /** @param now milliseconds, never going back */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.#endedAt = now();
  }

  started(): void {
    this.#startedAt = this.now();
  }

  finished({ durationMs, records, lost, nodes }: TickOutcome): void {
    this.counters.made++;
    this.counters.records += records;
    this.counters.lost_records += lost;
    this.lastNodes = nodes;
    this.#end('made', durationMs);
  }

  failed(durationMs: number): void {
    this.counters.failed++;
    this.#end('failed', durationMs);
  }

  /** Milliseconds for which nothing came of a tick: since the start of the one under way, or the end of the last one. */
  stillForMs(): number {
    return this.now() - (this.#startedAt ?? this.#endedAt);
  }

  #end(result: 'made' | 'failed', durationMs: number): void {
    this.lastResult = result;
    this.#startedAt = undefined;
    this.#endedAt = this.now();
    const seconds = durationMs / 1000;
    this.durationSumSeconds += seconds;
    for (const [i, bound] of [...DURATION_BOUNDS, Infinity].entries()) {
      if (seconds <= bound) this.durationCounts[i]!++;
    }
  }
}
