/**
 * Where client ports are a sample only, they say how a row's connections are spread over columns, but not exactly. Both sides'
 * sums are exact: what the sample says is fitted to both, and what only one side knows of goes to nobody in particular.
 */
import { fitCounts } from './fit-counts.js';
import { HeldFlow } from './held-flow.js';
import type { Meeting, Meetings } from './meetings.js';
import type { Arrival, Side } from './traces.js';

/** Where a statement's connections lead to. */
export interface Leads {
  arrivals: ReadonlyMap<HeldFlow | Meeting, Arrival>;
  readonly isSampled: boolean;
}

type SideLeads = Readonly<Record<Side, ReadonlyMap<HeldFlow, Leads>>>;

/** Of a pair that no kept port leads to: rarer than one that some port does. */
const UNSEEN = 0.05;

/** Puts what was fitted in place of what the sample says, in the leads that are sampled. */
export function fitSampled(leads: SideLeads, meetings: Meetings): void {
  const rows = sampledOf(leads.client);
  const columns = sampledOf(leads.server);
  if (rows.length === 0 || columns.length === 0) return;
  const rowSums = rows.map((row) => restOf(row, leads.client, leads.server));
  const columnSums = columns.map((column) => restOf(column, leads.server, leads.client));
  const more = sumOf(rowSums) - sumOf(columnSums);
  const weights = rows.map((row) => [
    ...columns.map((column) => weightOf(row, column, leads, meetings)),
    ...(more > 0 ? [UNSEEN + unstated(leads.client.get(row)!)] : []),
  ]);
  if (more < 0) weights.push(columns.map((column) => UNSEEN + unstated(leads.server.get(column)!)));
  const counts = fitCounts(
    more < 0 ? [...rowSums, -more] : rowSums,
    more > 0 ? [...columnSums, more] : columnSums,
    weights,
  );
  for (const [i, row] of rows.entries()) {
    const found = counts[i]!;
    replace(
      row,
      leads.client,
      leads.server,
      columns,
      found,
      found[columns.length] ?? 0,
      meetings.spanOf(row)!.to,
    );
  }
  for (const [j, column] of columns.entries()) {
    const found = rows.map((_, i) => counts[i]![j]!);
    const rest = counts[rows.length]?.[j] ?? 0;
    replace(column, leads.server, leads.client, rows, found, rest, meetings.spanOf(column)!.from);
  }
}

function sampledOf(leads: ReadonlyMap<HeldFlow, Leads>): HeldFlow[] {
  return [...leads].filter(([, { isSampled }]) => isSampled).map(([flow]) => flow);
}

/** Connections of a flow but for those that lead to the other side's exact statements. */
function restOf(
  flow: HeldFlow,
  own: ReadonlyMap<HeldFlow, Leads>,
  others: ReadonlyMap<HeldFlow, Leads>,
): number {
  let rest = flow.activity.connections;
  for (const [at, { weight }] of exactArrivals(flow, own, others)) if (at instanceof HeldFlow) rest -= weight;
  return Math.max(0, Math.round(rest));
}

/** Arrivals that the other side knows exactly, with its counts. */
function exactArrivals(
  flow: HeldFlow,
  own: ReadonlyMap<HeldFlow, Leads>,
  others: ReadonlyMap<HeldFlow, Leads>,
): Map<HeldFlow | Meeting, Arrival> {
  const exact = new Map<HeldFlow | Meeting, Arrival>();
  for (const [other, { arrivals, isSampled }] of others) {
    const arrival = arrivals.get(flow);
    if (isSampled || arrival === undefined || arrival.weight === 0) continue;
    const known = own.get(flow)!.arrivals.get(other);
    exact.set(other, { ...(known ?? arrival), at: other, weight: arrival.weight });
  }
  return exact;
}

function weightOf(
  row: HeldFlow,
  column: HeldFlow,
  { client, server }: SideLeads,
  meetings: Meetings,
): number {
  const byRow = shareOf(client.get(row)!, column) * row.activity.connections;
  const byColumn = shareOf(server.get(column)!, row) * column.activity.connections;
  if (byRow > 0 || byColumn > 0) return (byRow + byColumn) / 2;
  return meetings.spanOf(row)!.to === meetings.spanOf(column)!.to ? UNSEEN : 0;
}

function shareOf({ arrivals }: Leads, at: HeldFlow): number {
  const weight = arrivals.get(at)?.weight ?? 0;
  if (weight === 0) return 0;
  return weight / sumOf(Array.from(arrivals.values(), (arrival) => arrival.weight));
}

/** Weight of what nobody on the other side states. */
function unstated({ arrivals }: Leads): number {
  let sum = 0;
  for (const { at, weight } of arrivals.values()) if (!(at instanceof HeldFlow)) sum += weight;
  return sum;
}

function replace(
  flow: HeldFlow,
  own: ReadonlyMap<HeldFlow, Leads>,
  others: ReadonlyMap<HeldFlow, Leads>,
  across: readonly HeldFlow[],
  counts: readonly number[],
  rest: number,
  unknown: Meeting,
): void {
  const lead = own.get(flow)!;
  const arrivals = exactArrivals(flow, own, others);
  for (const [i, other] of across.entries()) {
    if (counts[i] === 0) continue;
    const known = lead.arrivals.get(other);
    const bridge = known?.bridge ?? others.get(other)!.arrivals.get(flow)?.bridge;
    arrivals.set(other, { at: other, bridge, weight: counts[i]!, ports: known?.ports ?? [] });
  }
  if (rest > 0) {
    const [at, known] = [...lead.arrivals].find(([one]) => !(one instanceof HeldFlow)) ?? [
      unknown,
      undefined,
    ];
    arrivals.set(at, { at, bridge: known?.bridge, weight: rest, ports: known?.ports ?? [] });
  }
  lead.arrivals = arrivals;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0);
}
