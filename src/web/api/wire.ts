/**
 * What the app sends: node summaries, deltas of a view, and a node's details (Scope's JSON), read defensively.
 */
import { asNumber, asObject, asObjects, asText, asTexts, isObject, type Json } from './json.js';

export interface MetadataRow {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly dataType: string;
  /** Characters worth showing at once; 0 = all. */
  readonly truncate: number;
}

export interface Sample {
  readonly unixMs: number;
  readonly value: number;
}

export interface MetricRow {
  readonly id: string;
  readonly label: string;
  /** `percent`, `filesize`, `integer` or empty. */
  readonly format: string;
  /** Undefined when nothing was measured. */
  readonly value: number | undefined;
  /** In order of time; empty in summaries. */
  readonly samples: readonly Sample[];
  readonly max: number | undefined;
}

export interface ParentRow {
  readonly id: string;
  readonly label: string;
  readonly topologyId: string;
}

export interface NodeSummary {
  readonly id: string;
  readonly label: string;
  readonly labelMinor: string;
  /** Like nodes have the same. */
  readonly rank: string;
  readonly shape: string;
  /** Stands for several. */
  readonly stack: boolean;
  /** Not a thing of the report, such as the Internet. */
  readonly pseudo: boolean;
  readonly metadata: readonly MetadataRow[];
  readonly metrics: readonly MetricRow[];
  readonly parents: readonly ParentRow[];
  /** Ids of the nodes it opens connections to; they need not all be known. */
  readonly adjacency: readonly string[];
  /** Those of them that some connects failed to reach. */
  readonly failing: readonly string[];
}

export interface Delta {
  readonly add: readonly NodeSummary[];
  readonly update: readonly NodeSummary[];
  readonly remove: readonly string[];
  /** What was known before is void. */
  readonly reset: boolean;
}

export interface ConnectionRow {
  readonly nodeId: string;
  readonly label: string;
  readonly labelMinor: string;
  readonly values: ReadonlyMap<string, string>;
}

export interface ConnectionList {
  readonly id: string;
  readonly label: string;
  readonly topologyId: string;
  readonly columns: readonly { readonly id: string; readonly label: string; readonly numeric: boolean }[];
  readonly rows: readonly ConnectionRow[];
}

export interface ChildList {
  readonly label: string;
  readonly topologyId: string;
  readonly nodes: readonly NodeSummary[];
}

export interface PropertyTable {
  readonly label: string;
  readonly rows: readonly (readonly string[])[];
  readonly cut: number;
}

export interface NodeDetails extends NodeSummary {
  readonly connections: readonly ConnectionList[];
  readonly children: readonly ChildList[];
  readonly tables: readonly PropertyTable[];
}

/** What the app sent is not what this page understands. */
export class WireError extends Error {
  readonly code = 'NOT_UNDERSTOOD';
  override readonly name = 'WireError';
}

/** @throws WireError when the text is not a delta at all */
export function parseDelta(text: string): Delta {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new WireError('reading a message of the app: it is not JSON; reload the page if this stays', {
      cause,
    });
  }
  if (!isObject(value)) {
    throw new WireError('reading a message of the app: it is no object; reload the page if this stays');
  }
  return {
    add: summaries(value['add']),
    update: summaries(value['update']),
    remove: asTexts(value['remove']),
    reset: value['reset'] === true,
  };
}

/** @throws WireError when the answer holds no node */
export function parseDetails(value: unknown): NodeDetails {
  const node = asObject(asObject(value)['node']);
  const summary = summaryOf(node);
  if (summary === undefined) throw new WireError("reading a node's details: the answer holds no node");
  return {
    ...summary,
    connections: asObjects(node['connections']).map(connectionList),
    children: asObjects(node['children']).map((group) => ({
      label: asText(group['label']),
      topologyId: asText(group['topologyId']),
      nodes: summaries(group['nodes']),
    })),
    tables: asObjects(node['tables']).map(propertyTable),
  };
}

function summaries(value: unknown): NodeSummary[] {
  return asObjects(value).flatMap((node) => summaryOf(node) ?? []);
}

function summaryOf(node: Json): NodeSummary | undefined {
  const id = asText(node['id']);
  if (id === '') return undefined;
  return {
    id,
    label: asText(node['label']) || id,
    labelMinor: asText(node['labelMinor']),
    rank: asText(node['rank']),
    shape: asText(node['shape']),
    stack: node['stack'] === true,
    pseudo: node['pseudo'] === true,
    metadata: asObjects(node['metadata']).map((row) => ({
      id: asText(row['id']),
      label: asText(row['label']) || asText(row['id']),
      value: asText(row['value']),
      dataType: asText(row['dataType']),
      truncate: asNumber(row['truncate']) ?? 0,
    })),
    metrics: asObjects(node['metrics']).map(metricRow),
    parents: asObjects(node['parents']).map((row) => ({
      id: asText(row['id']),
      label: asText(row['label']),
      topologyId: asText(row['topologyId']),
    })),
    adjacency: asTexts(node['adjacency']),
    failing: asTexts(node['failing']),
  };
}

function metricRow(row: Json): MetricRow {
  return {
    id: asText(row['id']),
    label: asText(row['label']) || asText(row['id']),
    format: asText(row['format']),
    value: row['valueEmpty'] === true ? undefined : asNumber(row['value']),
    samples: asObjects(row['samples']).flatMap((sample) => {
      const unixMs = Date.parse(asText(sample['date']));
      const value = asNumber(sample['value']);
      return Number.isNaN(unixMs) || value === undefined ? [] : [{ unixMs, value }];
    }),
    max: asNumber(row['max']),
  };
}

function connectionList(list: Json): ConnectionList {
  return {
    id: asText(list['id']),
    label: asText(list['label']),
    topologyId: asText(list['topologyId']),
    columns: asObjects(list['columns']).map((column) => ({
      id: asText(column['id']),
      label: asText(column['label']) || asText(column['id']),
      numeric: asText(column['dataType']) === 'number',
    })),
    rows: asObjects(list['connections']).map((row) => ({
      nodeId: asText(row['nodeId']),
      label: asText(row['label']),
      labelMinor: asText(row['labelMinor']),
      values: new Map(asObjects(row['metadata']).map((cell) => [asText(cell['id']), asText(cell['value'])])),
    })),
  };
}

function propertyTable(table: Json): PropertyTable {
  return {
    label: asText(table['label']),
    rows: asObjects(table['rows']).map((row) =>
      Object.values(asObject(row['entries'])).map((entry) => asText(entry)),
    ),
    cut: asNumber(table['truncationCount']) ?? 0,
  };
}
