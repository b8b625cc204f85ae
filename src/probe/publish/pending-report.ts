/** Joins the slices of a report that `topoprobe report` makes, within bounds. */
import { randomBytes } from 'node:crypto';
import type { Report } from '../../report/model/model.js';
import { coarsen, type Coarsening, type ReportBounds } from './coarsen.js';
import { joinReports } from './join-reports.js';

export const DEFAULT_BOUNDS: ReportBounds = { maxNodes: 20_000, maxSamples: 20 };

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

  constructor(private readonly bounds: ReportBounds) {}

  join(earlier: Report, later: Report): Report {
    const { report, coarsening } = coarsen(joinReports(earlier, later, randomReportId()), this.bounds);
    this.counters.reports_merged++;
    this.#count(coarsening);
    return report;
  }

  #count(coarsening: Coarsening): void {
    this.counters.coarsened_samples += coarsening.samples;
    this.counters.coarsened_endpoints += coarsening.foldedEndpoints;
    this.counters.dropped_processes += coarsening.droppedProcesses;
    this.counters.dropped_endpoints += coarsening.droppedEndpoints;
    this.counters.dropped_connections += coarsening.droppedConnections;
  }
}

/** Decimal text of 63 random bits, the form Scope uses. */
function randomReportId(): string {
  return (randomBytes(8).readBigUInt64BE() >> 1n).toString();
}
