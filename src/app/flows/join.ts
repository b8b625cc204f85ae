/**
 * Joins what the hosts at the two ends state: rows, by the clients' processes, with columns, by the servers'. Each row's and
 * each column's numbers are shared out over what they have in common, so that sums over rows are those of the client's host
 * and sums over columns those of the server's. What one side only knows has the other process unknown.
 */
import { NO_FAILURES } from '../../flows/flow.js';
import { NO_ACTIVITY, type FlowActivity } from '../../flows/window.js';
import { addressPort } from '../../report/model/address-port.js';
import type { Ends } from './ends.js';
import { members, sizeOf, type Few } from './few.js';
import { fitSampled, type Leads } from './fit-sampled.js';
import { HeldFlow } from './held-flow.js';
import type { JoinedEnd, JoinedFlow } from './joined-flow.js';
import type { Meeting, Meetings, ServerPlace } from './meetings.js';
import { Joined } from './joined.js';
import { shareActivity } from './shares.js';
import { Tracer, type Arrival, type Side, type Trace } from './traces.js';
import type { WhoIsMeant } from './who-is-meant.js';

/** What the joining looks things up in. */
export interface JoinContext {
  readonly meetings: Meetings;
  readonly meant: WhoIsMeant;
  readonly ends: Ends;
}

/** A flow with both ends on its host: nothing to join. Undefined when nothing happened in the window. */
export function joinWhole(flow: HeldFlow, ends: Ends): JoinedFlow | undefined {
  if (!hasHappened(flow)) return undefined;
  const { activity } = flow;
  return new Joined({
    client: ends.clientOf(flow),
    server: ends.serverOf(flow),
    via: flow.definition.via,
    activity,
    byClient: activity,
    byServer: activity,
    failures: flow.failures,
    direction: flow.definition.direction,
    nat: flow.definition.nat,
    isSampled: false,
    window: flow.window,
    ports: flow.state,
  });
}

/** @param linked triples that are joined together, all of them */
export function joinLinked(linked: Few<Meeting>, context: JoinContext): readonly JoinedFlow[] {
  const simple = joinSimple(linked, context);
  if (simple !== undefined) return simple;
  const rows = new Set<HeldFlow>();
  const columns = new Set<HeldFlow>();
  for (const meeting of members(linked)) {
    for (const flow of members(meeting.rows)) if (hasHappened(flow)) rows.add(flow);
    for (const flow of members(meeting.columns)) if (hasHappened(flow)) columns.add(flow);
  }
  if (rows.size === 0 && columns.size === 0) return [];
  return new Join(rows, columns, context).joined;
}

/** At most one process at each end, nothing translated: what most triples are. Undefined when it is not so. */
function joinSimple(linked: Few<Meeting>, { meant, ends }: JoinContext): readonly JoinedFlow[] | undefined {
  if (linked === undefined || linked instanceof Set) return undefined;
  const { rows, columns, onward, back } = linked;
  if (onward !== undefined || back !== undefined || sizeOf(rows) > 1 || sizeOf(columns) > 1) return undefined;
  const row = rows instanceof Set ? undefined : rows;
  const column = columns instanceof Set ? undefined : columns;
  if (row === undefined && column === undefined) return undefined;
  if (row !== undefined && column !== undefined) {
    if (!meant.canMean(row.host, column.host, linked) || meant.isContested(row.host, linked))
      return undefined;
    if (!hasHappened(row) || !hasHappened(column)) return undefined;
  }
  const stated = row ?? column!;
  if (!hasHappened(stated)) return [];
  const { definition } = stated;
  const server =
    column === undefined ? serverOf(row!, row!.host, linked, meant, ends) : ends.serverOf(column);
  return [
    new Joined({
      client: ends.clientOf(stated),
      server,
      via: definition.via || (column?.definition.via ?? ''),
      activity: stated.activity,
      byClient: row?.activity,
      byServer: column?.activity,
      failures: stated.failures,
      direction: definition.direction,
      nat: definition.nat || (column?.definition.nat ?? ''),
      isSampled: false,
      window: stated.window,
      ports: stated.state,
    }),
  ];
}

/** The server's end where no server's host states it. @param flow that has the address @param asker who means it */
function serverOf(flow: HeldFlow, asker: string, meeting: Meeting, meant: WhoIsMeant, ends: Ends): JoinedEnd {
  const end = ends.serverOf(flow);
  const [owner, ...more] = meant.candidates(asker, meeting);
  if (more.length > 0) return ends.ambiguous(end);
  return owner === undefined ? end : ends.on(end, owner);
}

function hasHappened(flow: HeldFlow): boolean {
  return flow.activity.connections > 0 || flow.failures.size > 0;
}

/** Whether some server's host states connections of the window to this place. */
function isServed({ meetings }: ServerPlace): boolean {
  for (const { columns } of members(meetings))
    for (const column of members(columns)) if (hasHappened(column)) return true;
  return false;
}

/** Numbers of one statement that go to one end on the other side. */
interface Part {
  readonly arrival: Arrival;
  readonly activity: FlowActivity;
}

interface Shared {
  readonly parts: Map<HeldFlow | Meeting, Part>;
  readonly isSampled: boolean;
}

class Join {
  readonly joined: JoinedFlow[] = [];
  readonly #context: JoinContext;
  readonly #traces: Readonly<Record<Side, Map<HeldFlow, Trace>>> = { client: new Map(), server: new Map() };
  readonly #leads: Readonly<Record<Side, Map<HeldFlow, Leads>>> = { client: new Map(), server: new Map() };

  constructor(rows: ReadonlySet<HeldFlow>, columns: ReadonlySet<HeldFlow>, context: JoinContext) {
    this.#context = context;
    const tracer = new Tracer(context.meetings, context.meant);
    for (const row of rows) this.#traces.client.set(row, tracer.trace(row, 'client'));
    for (const column of columns) this.#traces.server.set(column, tracer.trace(column, 'server'));
    for (const row of rows)
      this.#leads.client.set(row, this.#better(row, 'client', this.#traces.client.get(row)!));
    for (const column of columns)
      this.#leads.server.set(column, this.#better(column, 'server', this.#traces.server.get(column)!));
    fitSampled(this.#leads, context.meetings);
    const byColumn = new Map<HeldFlow, Shared>();
    for (const column of columns) byColumn.set(column, this.#shareOut(column, 'server'));
    const told = new Map<HeldFlow, Set<HeldFlow>>();
    for (const row of rows) this.#joinRow(row, byColumn, told);
    for (const column of columns) this.#joinColumn(column, byColumn.get(column)!, rows, told);
  }

  #joinRow(row: HeldFlow, byColumn: ReadonlyMap<HeldFlow, Shared>, told: Map<HeldFlow, Set<HeldFlow>>): void {
    const { parts: shared, isSampled } = this.#shareOut(row, 'client');
    const { parts, failuresAt } = withFailures(row, shared, this.#context.meetings.spanOf(row)!.to);
    for (const [at, { arrival, activity }] of parts) {
      const failures = at === failuresAt ? row.failures : NO_FAILURES;
      if (activity.connections === 0 && failures.size === 0) continue;
      // Who had no connections in the window is not who refuses them now.
      const column = at instanceof HeldFlow && hasHappened(at) ? at : undefined;
      const meeting = at instanceof HeldFlow ? this.#context.meetings.spanOf(at)!.to : at;
      const there = column && byColumn.get(column)?.parts.get(row)?.activity;
      const isColumnSampled = column !== undefined && byColumn.get(column)?.isSampled === true;
      if (column !== undefined) {
        const columns = told.get(row);
        if (columns === undefined) told.set(row, new Set([column]));
        else columns.add(column);
      }
      const { definition } = row;
      const { ends, meant } = this.#context;
      const behind = arrival.bridge ?? row;
      // Where nobody has connections of the window, who dials is answered by nobody, whoever was there before.
      const isUnanswered = activity.connections === 0 && !isServed(meeting.place);
      const server = column
        ? ends.serverOf(column)
        : isUnanswered
          ? ends.serverOf(behind)
          : serverOf(behind, behind.host, meeting, meant, ends);
      this.joined.push(
        new Joined({
          client: ends.clientOf(row),
          server,
          via: viaOf(row, server, definition.via || (column?.definition.via ?? '')),
          activity,
          byClient: activity,
          byServer: column && (there ?? NO_ACTIVITY),
          failures,
          direction: definition.direction,
          nat: definition.nat || (column?.definition.nat ?? '') || (arrival.bridge?.definition.nat ?? ''),
          isSampled: isSampled || isColumnSampled,
          window: row.window,
          ports: parts.size === 1 ? row.state : arrival.ports,
        }),
      );
    }
  }

  #joinColumn(
    column: HeldFlow,
    { parts: shared, isSampled }: Shared,
    rows: ReadonlySet<HeldFlow>,
    told: ReadonlyMap<HeldFlow, ReadonlySet<HeldFlow>>,
  ): void {
    const { parts, failuresAt } = withFailures(column, shared, this.#context.meetings.spanOf(column)!.to);
    for (const [at, { arrival, activity }] of parts) {
      const row = at instanceof HeldFlow && rows.has(at) ? at : undefined;
      if (row !== undefined && told.get(row)?.has(column) === true) continue;
      const failures = at === failuresAt ? column.failures : NO_FAILURES;
      if (activity.connections === 0 && failures.size === 0) continue;
      const { ends } = this.#context;
      const { definition } = column;
      const bridge = arrival.bridge?.definition;
      this.joined.push(
        new Joined({
          client: at instanceof HeldFlow ? ends.clientOf(at) : ends.clientOf(arrival.bridge ?? column),
          server: ends.serverOf(column),
          via: definition.via || (bridge?.via ?? ''),
          // Of a client whose host states what it has, that host's numbers count, and they are in other flows.
          activity: row === undefined ? activity : NO_ACTIVITY,
          byClient: row === undefined ? undefined : NO_ACTIVITY,
          byServer: activity,
          failures,
          direction: definition.direction,
          nat: definition.nat || (bridge?.nat ?? ''),
          isSampled,
          window: column.window,
          ports: parts.size === 1 ? column.state : arrival.ports,
        }),
      );
    }
  }

  /** Numbers of a statement over what it leads to. */
  #shareOut(flow: HeldFlow, side: Side): Shared {
    const { arrivals, isSampled } = this.#leads[side].get(flow)!;
    const all = [...arrivals.values()];
    const shares = shareActivity(
      flow.activity,
      all.map(({ weight }) => weight),
    );
    return {
      parts: new Map(all.map((arrival, i) => [arrival.at, { arrival, activity: shares[i]! }])),
      isSampled,
    };
  }

  /** What the other sides say is better where this one has a sample only, and they know exactly or have a larger one. */
  #better(flow: HeldFlow, side: Side, trace: Trace): Leads {
    const { arrivals } = trace;
    if (trace.isExact || arrivals.size === 0) return { arrivals, isSampled: false };
    const others = this.#traces[side === 'client' ? 'server' : 'client'];
    const better = new Map<HeldFlow | Meeting, Arrival>();
    let isExact = true;
    let isBetter = false;
    let rest = flow.activity.connections;
    for (const [at, arrival] of this.#leadingHere(flow, arrivals, others)) {
      if (!(at instanceof HeldFlow)) continue;
      const theirs = others.get(at);
      const weight = theirs?.arrivals.get(flow)?.weight ?? 0;
      if (theirs?.isExact !== true) isExact = false;
      if (theirs !== undefined && (theirs.isExact || theirs.modulus < trace.modulus)) isBetter = true;
      if (weight > 0) better.set(at, { ...arrival, weight });
      rest -= weight;
    }
    if (!isBetter || better.size === 0) return { arrivals, isSampled: true };
    for (const [at, arrival] of arrivals)
      if (!(at instanceof HeldFlow)) better.set(at, { ...arrival, weight: Math.max(0, rest) });
    return { arrivals: better, isSampled: !isExact };
  }

  /** Ends that this side found, and those that lead here by their own ports. */
  #leadingHere(
    flow: HeldFlow,
    arrivals: ReadonlyMap<HeldFlow | Meeting, Arrival>,
    others: ReadonlyMap<HeldFlow, Trace>,
  ): ReadonlyMap<HeldFlow | Meeting, Arrival> {
    const all = new Map(arrivals);
    for (const [other, { arrivals: theirs }] of others) {
      const arrival = theirs.get(flow);
      if (arrival !== undefined && !all.has(other))
        all.set(other, { at: other, bridge: arrival.bridge, weight: arrival.weight, ports: arrival.ports });
    }
    return all;
  }
}

/**
 * Failed connects have no process at the other end: they go where all goes, or else where nobody states the rest.
 * @param unstated the triple where the statement meets others
 */
function withFailures(
  flow: HeldFlow,
  parts: ReadonlyMap<HeldFlow | Meeting, Part>,
  unstated: Meeting,
): {
  readonly parts: ReadonlyMap<HeldFlow | Meeting, Part>;
  readonly failuresAt: HeldFlow | Meeting | undefined;
} {
  if (flow.failures.size === 0) return { parts, failuresAt: undefined };
  const [first] = parts.keys();
  // Who had no connections in the window may have ended: those who dial go on without it.
  const mayBeGone = first instanceof HeldFlow && flow.activity.connections === 0 && !hasHappened(first);
  if (parts.size === 1 && !mayBeGone) return { parts, failuresAt: first };
  for (const at of parts.keys()) if (!(at instanceof HeldFlow)) return { parts, failuresAt: at };
  const arrival: Arrival = { at: unstated, bridge: undefined, weight: 0, ports: [] };
  return {
    parts: new Map(parts).set(unstated, { arrival, activity: NO_ACTIVITY }),
    failuresAt: unstated,
  };
}

/** What was dialled, if that is not where the server is. */
function viaOf({ definition }: HeldFlow, server: JoinedEnd, via: string): string {
  const dialled = via || addressPort(definition.server.address, definition.server.port);
  return dialled === addressPort(server.address, server.port) ? '' : dialled;
}
