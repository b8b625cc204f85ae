/**
 * Makes a source of deliveries out of the newest report, for apps in Scope's form. It states no flows: the flow table does.
 */
import type { ReportMark, StatedSource } from '../flows/stated.js';
import { STATEMENT_VERSION, type Statement } from '../flows/statement.js';
import type { Report } from '../report/model/model.js';

export interface NewestReportOptions {
  readonly probeId: string;
  readonly hostName: string;
  readonly intervalMs: number;
}

export class NewestReport implements StatedSource {
  readonly #epoch = Date.now();
  #seq = 0;
  #report: Report = { id: '', topologies: new Map(), dns: new Map() };

  constructor(private readonly options: NewestReportOptions) {}

  get seq(): number {
    return this.#seq;
  }

  take(report: Report): void {
    this.#seq++;
    this.#report = report;
  }

  statementSince(base: number): Statement {
    const { probeId, hostName, intervalMs } = this.options;
    return {
      version: STATEMENT_VERSION,
      probe: probeId,
      epoch: this.#epoch,
      seq: this.#seq,
      base,
      host: hostName,
      atMs: Date.now(),
      intervalMs,
      flows: [],
      gone: [],
      facts: new Map(),
      dns: new Map(),
    };
  }

  reportSince(): { readonly report: Report; readonly mark: ReportMark } {
    return { report: this.#report, mark: { seq: this.#seq, atMs: Date.now(), states: new Map() } };
  }
}
