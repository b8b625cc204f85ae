/** The sections of the details panel, made from a node's details. */
import type {
  ChildList,
  ConnectionList,
  MetadataRow,
  MetricRow,
  NodeDetails,
  ParentRow,
  PropertyTable,
} from '../api/wire.js';
import { displayName } from '../api/display-name.js';
import { make } from './elements.js';
import { formatFact, formatMetric } from './format.js';
import { sparkline } from './sparkline.js';

/** Rows of one list that are put into the document; the rest is counted. */
const ROWS_MAX = 200;

export function detailsSections(topology: string, details: NodeDetails): HTMLElement[] {
  return [
    ...section('Status', details.metrics.length, () => metrics(details.metrics)),
    ...section('Facts', details.metadata.length, () => facts(details.metadata)),
    ...section('Part of', details.parents.length, () => parents(details.parents)),
    ...details.connections.flatMap((list) => connections(topology, list)),
    ...details.children.flatMap((list) => children(list)),
    ...details.tables.flatMap((table) => properties(table)),
  ];
}

function section(title: string, rows: number, body: () => HTMLElement, count?: number): HTMLElement[] {
  if (rows === 0) return [];
  const heading = make('h3', { text: title });
  if (count !== undefined) heading.append(' ', make('span', { class: 'count', text: String(count) }));
  return [make('section', { children: [heading, body()] })];
}

function metrics(rows: readonly MetricRow[]): HTMLElement {
  return make('ul', {
    class: 'metrics',
    children: rows.map((row) =>
      make('li', {
        children: [
          make('span', { class: 'metric-label', text: row.label }),
          make('strong', { text: formatMetric(row.value, row.format) }),
          ...[sparkline(row) ?? []].flat(),
        ],
      }),
    ),
  });
}

function facts(rows: readonly MetadataRow[]): HTMLElement {
  return make('dl', {
    children: rows.flatMap(({ label, value, dataType, truncate }) => {
      const text = formatFact(value, dataType);
      const cut = truncate > 0 && text.length > truncate ? `${text.slice(0, truncate)}…` : text;
      return [
        make('dt', { text: label }),
        make('dd', { text: cut, ...(cut === text ? {} : { title: text }) }),
      ];
    }),
  });
}

function parents(rows: readonly ParentRow[]): HTMLElement {
  return make('ul', {
    class: 'chips',
    children: rows.map(({ id, label, topologyId }) =>
      make('li', { children: [nodeLink(topologyId, id, label || id)] }),
    ),
  });
}

function connections(topology: string, list: ConnectionList): HTMLElement[] {
  const incoming = list.id === 'incoming-connections';
  const rows = list.rows.slice(0, ROWS_MAX).map((row) =>
    make('tr', {
      children: [
        make('td', {
          children: [
            nodeLink(
              list.topologyId || topology,
              row.nodeId,
              row.label || row.nodeId,
              `${list.id} ${row.nodeId}`,
            ),
            ...(row.labelMinor === '' ? [] : [make('small', { text: row.labelMinor })]),
          ],
        }),
        ...list.columns.map(({ id, numeric }) =>
          make('td', { class: numeric ? 'number' : '', text: row.values.get(id) ?? '' }),
        ),
      ],
    }),
  );
  const head = make('tr', {
    children: [
      make('th', { text: incoming ? 'From' : 'To', attributes: { scope: 'col' } }),
      ...list.columns.map(({ label, numeric }) =>
        make('th', { text: label, class: numeric ? 'number' : '', attributes: { scope: 'col' } }),
      ),
    ],
  });
  const made = section(
    incoming ? 'Connections in' : 'Connections out',
    rows.length,
    () =>
      make('table', {
        children: [make('thead', { children: [head] }), make('tbody', { children: rows })],
      }),
    list.rows.length,
  );
  for (const each of made) each.className = incoming ? 'incoming' : 'outgoing';
  return made.length > 0 && list.rows.length > ROWS_MAX
    ? [...made, cutNote(list.rows.length - ROWS_MAX)]
    : made;
}

function children({ label, topologyId, nodes }: ChildList): HTMLElement[] {
  const made = section(
    label,
    nodes.length,
    () =>
      make('ul', {
        class: 'children',
        children: nodes.slice(0, ROWS_MAX).map((node) =>
          make('li', {
            children: [nodeLink(topologyId, node.id, node.label), make('small', { text: node.labelMinor })],
          }),
        ),
      }),
    nodes.length,
  );
  return nodes.length > ROWS_MAX ? [...made, cutNote(nodes.length - ROWS_MAX)] : made;
}

function properties({ label, rows, cut }: PropertyTable): HTMLElement[] {
  const made = section(label, rows.length, () =>
    make('table', {
      children: [
        make('tbody', {
          children: rows.map((cells) => make('tr', { children: cells.map((text) => make('td', { text })) })),
        }),
      ],
    }),
  );
  return cut > 0 ? [...made, cutNote(cut)] : made;
}

const cutNote = (count: number): HTMLElement =>
  make('p', { class: 'note', text: `${count} more are not listed.` });

function nodeLink(topology: string, id: string, label: string, focusKey = `${topology} ${id}`): HTMLElement {
  return make('button', {
    class: 'row-link',
    text: displayName(label),
    title: label,
    data: { openTopology: topology, openId: id, focusKey },
    attributes: { type: 'button' },
  });
}
