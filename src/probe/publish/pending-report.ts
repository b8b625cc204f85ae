/**
 * What waits to be delivered to one app: at most one report, into which every later one is merged, within bounds.
 */
import { randomBytes } from 'node:crypto';
import type { Report } from '../../report/model/model.js';
import { coarsen, type Coarsening, type ReportBounds } from './coarsen.js';
import { joinReports } from './join-reports.js';

export const DEFAULT_BOUNDS: ReportBounds = { maxNodes: 20_000, maxSamples: 20 };

/**
 * Joins reports for all apps. Apps that are away at the same time wait for the same reports, so the last join is
 * remembered and shared.
 */
export class ReportJoiner {
  /** Over all joins. */
  readonly counters = {
    reports_merged: 0,
    coarsened_samples: 0,
    coarsened_endpoints: 0,
    dropped_processes: 0,
    dropped_endpoints: 0,
    dropped_connections: 0,
  };
  #last: { earlier: Report; later: Report; joined: Report } | undefined;

  constructor(private readonly bounds: ReportBounds) {}

  join(earlier: Report, later: Report): Report {
    if (this.#last?.earlier === earlier && this.#last.later === later) return this.#last.joined;
    const { report, coarsening } = coarsen(joinReports(earlier, later, randomReportId()), this.bounds);
    this.counters.reports_merged++;
    this.#count(coarsening);
    this.#last = { earlier, later, joined: report };
    return report;
  }

  /** Lets go of the reports of the last join. */
  forget(): void {
    this.#last = undefined;
  }

  #count(coarsening: Coarsening): void {
    this.counters.coarsened_samples += coarsening.samples;
    this.counters.coarsened_endpoints += coarsening.foldedEndpoints;
    this.counters.dropped_processes += coarsening.droppedProcesses;
    this.counters.dropped_endpoints += coarsening.droppedEndpoints;
    this.counters.dropped_connections += coarsening.droppedConnections;
  }
}

export class PendingReport {
  #report: Report | undefined;

  constructor(
    private readonly joiner: ReportJoiner,
    report?: Report,
  ) {
    this.#report = report;
  }

  get isEmpty(): boolean {
    return this.#report === undefined;
  }

  /** Looks without taking. */
  peek(): Report | undefined {
    return this.#report;
  }

  add(report: Report): void {
    this.#report = this.#report ? this.joiner.join(this.#report, report) : report;
  }

  take(): Report | undefined {
    const report = this.#report;
    this.#report = undefined;
    return report;
  }

  /** For a report that could not be delivered: it goes before what came meanwhile. */
  putBack(report: Report): void {
    this.#report = this.#report ? this.joiner.join(report, this.#report) : report;
  }

  clear(): void {
    this.#report = undefined;
  }
}

/** Decimal text of 63 random bits, the form Scope uses. */
function randomReportId(): string {
  return (randomBytes(8).readBigUInt64BE() >> 1n).toString();
}
