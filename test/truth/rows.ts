/** Reads the rows of a report's `Flows` and of `/api/v1/flows`, and sums them as the truth is summed. */
import assert from 'node:assert/strict';
import type { FlowRow } from '../../src/report/model/flow-row.js';

/** Rows of the answer to `/api/v1/flows`. */
export function rowsOf(answer: unknown): readonly FlowRow[] {
  const { flows } = answer as { readonly flows?: readonly FlowRow[] };
  assert.ok(Array.isArray(flows), 'the app answers /api/v1/flows with rows');
  return flows as readonly FlowRow[];
}

/** Rows of a report in Scope's JSON form. */
export function rowsOfReport(report: unknown): readonly FlowRow[] {
  const { Flows } = report as { readonly Flows?: readonly FlowRow[] };
  assert.ok(Array.isArray(Flows), 'the report has Flows');
  return Flows as readonly FlowRow[];
}

export const towards =
  (...ports: readonly number[]) =>
  ({ server }: FlowRow): boolean =>
    ports.includes(server.port);

/** A count of the rows, by what `keyOf` makes of each; keys with nothing are left out. */
export function countsBy(
  rows: readonly FlowRow[],
  keyOf: (row: FlowRow) => string,
  countOf: (row: FlowRow) => number = ({ connections }) => connections,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const count = countOf(row);
    if (count > 0) counts.set(keyOf(row), (counts.get(keyOf(row)) ?? 0) + count);
  }
  return counts;
}

export const pids = ({ client, server }: FlowRow): string => `${client.pid ?? '?'} > ${server.pid ?? '?'}`;

/** `host;pid`, as the ids of process nodes. */
export const clientEnd = ({ client }: FlowRow): string => `${client.host ?? '?'};${client.pid ?? '?'}`;
export const serverEnd = ({ server }: FlowRow): string => `${server.host ?? '?'};${server.pid ?? '?'}`;
export const ends = (row: FlowRow): string => `${clientEnd(row)} > ${serverEnd(row)}`;

/** Entries in order, to be compared. */
export const sorted = (counts: ReadonlyMap<string, number>): readonly [string, number][] =>
  Array.from(counts).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

export const total = (counts: ReadonlyMap<string, number>): number =>
  Array.from(counts.values()).reduce((sum, count) => sum + count, 0);
