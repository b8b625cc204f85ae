/** A probe's state made of records that a test wrote, and the report of it. */
import { ProbeState, type ProbeStateOptions, type TickNews } from '../../src/probe/flows/probe-state.js';
import type { RecordNews, TakenCounts } from '../../src/probe/flows/record-news.js';
import { NO_HOLDERS } from '../../src/probe/records/holder.js';
import { NO_FLOWS } from '../../src/probe/records/nat-flow.js';
import type { RecordBatch } from '../../src/probe/records/record-view.js';
import type { DnsNames, Report, Topology } from '../../src/report/model/model.js';

/** What a test knows besides the records. */
export type Circumstances = Partial<Omit<TickNews, 'records'>> &
  Partial<Omit<RecordNews, keyof RecordBatch>> &
  Partial<ProbeStateOptions>;

export interface Endpoints {
  readonly topology: Topology;
  readonly dns: ReadonlyMap<string, DnsNames>;
  readonly stats: TakenCounts;
  readonly report: Report;
}

/** The state of a host named `vm`. Default: nothing is known of processes and names. */
export function newState(options: Partial<ProbeStateOptions> = {}): ProbeState {
  return new ProbeState({
    probeId: 'p',
    hostName: 'vm',
    intervalMs: 1000,
    processes: { startTicksOf: () => undefined, formerName: (_pid, _start, comm) => comm },
    names: () => undefined,
    ...options,
  });
}

/** A tick that found these records and nothing else; without records nothing has changed. */
export function newsOf(batch: RecordBatch | undefined, more: Circumstances = {}): TickNews {
  const { holders = NO_HOLDERS, natFlows = NO_FLOWS, topologies = new Map(), lost = 0 } = more;
  const { isWhole = true, isFirst = false, listenersListed = false, dialled, sharedAddresses, gone } = more;
  return {
    records: {
      ...(batch ?? { records: new ArrayBuffer(0), recordCount: 0 }),
      isWhole: isWhole && batch !== undefined,
      gone,
      isFirst,
      listenersListed,
      dialled,
      sharedAddresses,
    },
    holders,
    natFlows,
    topologies,
    lost,
  };
}

/** One tick of a new state, and its report. */
export function endpointsOf(batch: RecordBatch, more: Circumstances = {}): Endpoints {
  const state = newState(more);
  const stats = state.take(newsOf(batch, more));
  const report = state.wholeReport();
  return { topology: report.topologies.get('Endpoint')!, dns: report.dns, stats, report };
}
