/**
 * The probe's metrics in Prometheus' text format. Everything is read when it is scraped: between scrapes nothing is
 * paid. Series are bounded by what the parts count, and by APPS_MAX ways to apps.
 */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { AppSeen, Counting, Observed } from './observed.js';
import type { Ticks } from './ticks.js';

const PREFIX = 'topoprobe_probe_';
/** Ways to apps with series of their own; the publisher itself is bounded, names with many addresses can be many. */
const APPS_MAX = 200;

export class ProbeMetrics {
  readonly #registry = new Registry();
  readonly #metrics = new Map<string, Counter | Gauge>();

  constructor(
    private readonly observed: Observed,
    private readonly ticks: Ticks,
  ) {
    collectDefaultMetrics({ register: this.#registry, prefix: PREFIX });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    for (const metric of this.#metrics.values()) metric.reset();
    this.#gauge('source_in_use', 'Source of connections in use', ['kind']).set(
      { kind: this.observed.sourceKind() },
      1,
    );
    this.#setCoverage();
    for (const part of this.observed.parts) this.#setPart(part);
    this.#setPart({ name: 'ticks', counters: () => this.ticks.counters });
    for (const [topology, count] of this.ticks.lastNodes) {
      this.#gauge('report_nodes', 'Nodes of the last report', ['topology']).set({ topology }, count);
    }
    for (const app of this.observed.apps().slice(0, APPS_MAX)) this.#setApp(app);
    return `${await this.#registry.metrics()}${this.#durations()}`;
  }

  #setCoverage(): void {
    const coverage = this.observed.coverage?.();
    if (coverage === undefined) return;
    this.#gauge('ebpf_rung', 'Rung of the eBPF source: how live sockets are scanned', ['rung']).set(
      { rung: coverage.rung },
      1,
    );
    for (const { program, section } of coverage.blind)
      this.#gauge('ebpf_program_refused', 'BPF programs that are missing', ['program', 'section']).set(
        { program, section },
        1,
      );
  }

  #setPart(part: Counting): void {
    const { name, gauges = [] } = part;
    for (const [key, value] of Object.entries(part.counters())) {
      const metric = `${wordOf(name)}_${wordOf(key)}`;
      const help = `${wordOf(key)} of ${name}`.replaceAll('_', ' ');
      if (gauges.includes(key)) this.#gauge(metric, help).set(value);
      else this.#counter(`${metric}_total`, help).inc(Math.max(0, value));
    }
  }

  #setApp({ description: app, state, counters }: AppSeen): void {
    this.#gauge('app_state', 'State of each way to an app', ['app', 'state']).set({ app, state }, 1);
    for (const [key, value] of Object.entries(counters)) {
      this.#counter(`app_${wordOf(key)}_total`, `${key.replaceAll('_', ' ')}, by app`, ['app']).inc(
        { app },
        Math.max(0, value),
      );
    }
  }

  /** Counted where it happens: a Histogram of prom-client could not be filled at the scrape. */
  #durations(): string {
    const name = `${PREFIX}tick_duration_seconds`;
    const { durationBounds, durationCounts, durationSumSeconds } = this.ticks;
    const all = durationCounts.at(-1) ?? 0;
    const bucket = (bound: string, count: number): string => `${name}_bucket{le="${bound}"} ${count}`;
    return [
      `# HELP ${name} How long ticks took`,
      `# TYPE ${name} histogram`,
      ...durationBounds.map((bound, i) => bucket(String(bound), durationCounts[i]!)),
      bucket('+Inf', all),
      `${name}_sum ${durationSumSeconds}`,
      `${name}_count ${all}`,
      '',
    ].join('\n');
  }

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return this.#metric(
      name,
      () => new Gauge({ name: PREFIX + name, help, labelNames, registers: [this.#registry] }),
    );
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    return this.#metric(
      name,
      () => new Counter({ name: PREFIX + name, help, labelNames, registers: [this.#registry] }),
    );
  }

  #metric<Metric extends Counter | Gauge>(name: string, make: () => Metric): Metric {
    let metric = this.#metrics.get(name) as Metric | undefined;
    if (!metric) this.#metrics.set(name, (metric = make()));
    return metric;
  }
}

/** `lostRecords`, `lost-records` → `lost_records` */
function wordOf(text: string): string {
  return text
    .replaceAll(/(?!^)([A-Z])/g, '_$1')
    .replaceAll(/[^A-Za-z0-9_]/g, '_')
    .toLowerCase();
}
