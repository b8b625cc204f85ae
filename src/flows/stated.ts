/**
 * The source of deliveries: a probe's whole state, each part with the `seq` of its last change. One state serves any number
 * of apps: each app names the state that it has, and the probe keeps only that per app.
 */
import type { Report } from '../report/model/model.js';
import type { FlowState } from './flow.js';
import type { Statement } from './statement.js';

export interface StatedSource {
  /** Of the newest state; 0: there is none yet. */
  readonly seq: number;
  /** The changes since `base`; whole if `base` is 0, or so old that removals since are forgotten. */
  statementSince(base: number): Statement;
  /** The state in Scope's form, for an app that reads no other. @param since undefined: no delivery yet */
  reportSince(since: ReportMark | undefined): { readonly report: Report; readonly mark: ReportMark };
}

/** The last delivery to an app in Scope's form: the next report covers the time since. */
export interface ReportMark {
  readonly seq: number;
  readonly atMs: number;
  /** By flow, as of then. */
  readonly states: ReadonlyMap<number, FlowState>;
}
