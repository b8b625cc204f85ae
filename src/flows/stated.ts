/**
 * What deliveries are made from: a probe's whole state, each part with the `seq` of its last change. One state serves any
 * number of apps: each names the state that it has, and nothing is kept per app but that.
 */
import type { Report } from '../report/model/model.js';
import type { FlowState } from './flow.js';
import type { Statement } from './statement.js';

export interface StatedSource {
  /** Of the newest state; 0: there is none yet. */
  readonly seq: number;
  /** What changed since `base`; whole when `base` is 0, or so old that it is not known any more what went since. */
  statementSince(base: number): Statement;
  /** The same state in Scope's form, for an app that knows no other. @param since undefined: nothing was delivered before */
  reportSince(since: ReportMark | undefined): { readonly report: Report; readonly mark: ReportMark };
}

/** What an app in Scope's form was delivered last: the next report is about the time since. */
export interface ReportMark {
  readonly seq: number;
  readonly atMs: number;
  /** By flow, as of then. */
  readonly states: ReadonlyMap<number, FlowState>;
}
