/**
 * A node's facts as rows to show, chosen and worded by the templates its probe sent.
 */
import { FACT, latestOf } from '../../report/keys.js';
import type { Metric, Node, TableTemplate, Timestamp, Topology } from '../../report/model/model.js';

export interface MetadataRow {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly priority?: number;
  readonly dataType?: string;
  readonly truncate?: number;
}

export interface MetricRow {
  readonly id: string;
  readonly label: string;
  readonly format?: string;
  readonly group?: string;
  readonly value: number;
  readonly valueEmpty?: true;
  readonly priority?: number;
  /** Left out (null) in graphs: only a node's own page draws them. */
  readonly samples: readonly { readonly date: string; readonly value: number }[] | null;
  readonly min: number;
  readonly max: number;
  readonly first?: string;
  readonly last?: string;
  readonly url: string;
}

export interface Table {
  readonly id: string;
  readonly label: string;
  readonly type: string;
  readonly columns:
    readonly { readonly id: string; readonly label: string; readonly dataType?: string }[] | null;
  readonly rows: readonly { readonly id: string; readonly entries: Readonly<Record<string, string>> }[];
  readonly truncationCount?: number;
}

export function metadataRows(node: Node, topology: Topology | undefined): MetadataRow[] {
  const rows: MetadataRow[] = [];
  for (const template of topology?.metadataTemplates?.values() ?? []) {
    const value =
      template.from === 'sets'
        ? node.sets?.get(template.id)?.join(', ')
        : latestOf(node, template.from === 'counters' ? FACT.counterPrefix + template.id : template.id);
    if (value === undefined || value === '') continue;
    rows.push({
      id: template.id,
      label: template.label ?? template.id,
      value,
      ...(template.priority ? { priority: template.priority } : {}),
      ...(template.dataType ? { dataType: template.dataType } : {}),
      ...(template.truncate ? { truncate: template.truncate } : {}),
    });
  }
  return rows.sort(byPriority);
}

export function metricRows(node: Node, topology: Topology | undefined, withSamples: boolean): MetricRow[] {
  const rows: MetricRow[] = [];
  for (const template of topology?.metricTemplates?.values() ?? []) {
    const metric = node.metrics?.get(template.id);
    if (metric === undefined) continue;
    rows.push({
      id: template.id,
      label: template.label ?? template.id,
      ...(template.format ? { format: template.format } : {}),
      ...(template.group ? { group: template.group } : {}),
      ...(template.priority ? { priority: template.priority } : {}),
      ...measured(metric, withSamples),
      url: '',
    });
  }
  return rows.sort(byPriority);
}

function measured(
  metric: Metric,
  withSamples: boolean,
): Pick<MetricRow, 'value' | 'valueEmpty' | 'samples' | 'min' | 'max' | 'first' | 'last'> {
  const { samples, min, max } = metric;
  const first = samples[0];
  const last = samples.at(-1);
  return {
    value: last === undefined ? 0 : Math.round(last.value * 100) / 100,
    ...(last === undefined ? { valueEmpty: true as const } : {}),
    samples: withSamples ? samples.map(({ date, value }) => ({ date: rfc3339(date), value })) : null,
    min,
    max,
    ...(first === undefined ? {} : { first: rfc3339(first.date) }),
    ...(last === undefined ? {} : { last: rfc3339(last.date) }),
  };
}

/** Rows a table may have before it is cut; Scope's number. */
const TABLE_ROWS_MAX = 20;

export function tables(node: Node, topology: Topology | undefined): Table[] {
  const all: Table[] = [];
  for (const template of topology?.tableTemplates?.values() ?? []) {
    const rows = tableRows(node, template);
    if (rows.length === 0) continue;
    all.push({
      id: template.id,
      label: template.label ?? template.id,
      type: template.type ?? 'property-list',
      columns: template.columns?.map((column) => ({ ...column, label: column.label ?? column.id })) ?? null,
      rows: rows.slice(0, TABLE_ROWS_MAX),
      ...(rows.length > TABLE_ROWS_MAX ? { truncationCount: rows.length - TABLE_ROWS_MAX } : {}),
    });
  }
  return all.sort((a, b) => compareText(a.label, b.label));
}

/** Separates a row's id from a column's id in the keys of a table with several columns. */
const ROW_COLUMN_SEPARATOR = '___';

function tableRows(node: Node, template: TableTemplate): Table['rows'] {
  const prefix = template.prefix ?? '';
  if (template.type === 'multicolumn-table') return multicolumnRows(node, prefix);
  const rows: { id: string; entries: Record<string, string> }[] = [];
  for (const [key, label] of template.fixedRows ?? []) {
    const value = node.latest?.get(key)?.value;
    if (value !== undefined) rows.push({ id: `label_${key}`, entries: { label, value } });
  }
  if (prefix === '') return rows;
  for (const [key, { value }] of node.latest ?? []) {
    if (!key.startsWith(prefix) || key.length === prefix.length) continue;
    const label = key.slice(prefix.length);
    rows.push({ id: `label_${label}`, entries: { label, value } });
  }
  return rows.sort((a, b) => compareText(a.id, b.id));
}

function multicolumnRows(node: Node, prefix: string): Table['rows'] {
  const rows = new Map<string, Map<string, string>>();
  for (const [key, { value }] of node.latest ?? []) {
    if (prefix === '' || !key.startsWith(prefix)) continue;
    const [row, column] = key.slice(prefix.length).split(ROW_COLUMN_SEPARATOR, 2);
    if (row === undefined || column === undefined) continue;
    const cells = rows.get(row);
    if (cells === undefined) rows.set(row, new Map([[column, value]]));
    else cells.set(column, value);
  }
  return Array.from(rows, ([id, cells]) => ({ id, entries: Object.fromEntries(cells) })).sort((a, b) =>
    compareText(a.id, b.id),
  );
}

function byPriority(a: { priority?: number; id: string }, b: { priority?: number; id: string }): number {
  return (a.priority ?? 0) - (b.priority ?? 0) || compareText(a.id, b.id);
}

/** Order by code unit: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The instant in UTC as RFC 3339 with nanoseconds, trailing zeros cut as Go does. */
export function rfc3339({ unixSeconds, nanos }: Timestamp): string {
  const seconds = new Date(unixSeconds * 1000).toISOString().slice(0, -5);
  const fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
  return `${seconds}${fraction}Z`;
}
