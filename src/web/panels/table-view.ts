/**
 * The graph as two tables, for screen readers, for keyboards, for copying, and where there is no WebGL.
 *
 * Bound: ROWS_MAX rows each are in the document; the rest is counted below the table, and a search narrows it down.
 */
import type { Edge, GraphStore } from '../api/store.js';
import { displayName } from '../api/display-name.js';
import type { NodeSummary } from '../api/wire.js';
import { find, make, setText } from './elements.js';

const ROWS_MAX = 500;

export interface TableViewOptions {
  readonly store: GraphStore;
  readonly onSelect: (id: string) => void;
}

export class TableView {
  readonly #options: TableViewOptions;
  readonly #nodes = new KeyedRows('nodes', 'nodes-count', 'nodes-more', 4);
  readonly #edges = new KeyedRows('edges', 'edges-count', 'edges-more', 3);
  #found: ReadonlySet<string> | undefined;
  #selected: string | undefined;
  #drawing = false;

  constructor(options: TableViewOptions) {
    this.#options = options;
    for (const id of ['nodes', 'edges']) {
      find(`#${id} tbody`, HTMLElement).addEventListener('click', ({ target }) => {
        if (!(target instanceof Element)) return;
        const chosen =
          target.closest<HTMLElement>('[data-select]') ??
          target.closest('tr')?.querySelector<HTMLElement>('[data-select]');
        const node = chosen?.dataset['select'];
        if (node !== undefined) options.onSelect(node);
      });
    }
  }

  showFound(found: ReadonlySet<string> | undefined): void {
    this.#found = found;
    this.draw();
  }

  select(id: string | undefined): void {
    this.#selected = id;
    this.draw();
  }

  /** Draws the store at the next chance; calls until then are one. */
  draw(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    // Not requestAnimationFrame: a page in the background must be true too.
    setTimeout(() => {
      this.#drawing = false;
      this.#drawNodes();
      this.#drawEdges();
    });
  }

  #drawNodes(): void {
    const { nodes, edges } = this.#options.store;
    const incoming = new Map<string, number>();
    const outgoing = new Map<string, number>();
    for (const { from, to } of edges.values()) {
      outgoing.set(from, (outgoing.get(from) ?? 0) + 1);
      incoming.set(to, (incoming.get(to) ?? 0) + 1);
    }
    const shown = [...nodes.values()].filter(({ id }) => this.#found?.has(id) ?? true).sort(byLabel);
    this.#nodes.draw(shown.length, nodes.size, shown.slice(0, ROWS_MAX), {
      keyOf: ({ id }) => id,
      data: ({ id }) => ({ nodeId: id }),
      fill: (row, node) => {
        row.classList.toggle('selected', node.id === this.#selected);
        fillNode(row.cells[0]!, node, false);
        setText(row.cells[1]!, node.labelMinor);
        setText(row.cells[2]!, String(incoming.get(node.id) ?? 0));
        setText(row.cells[3]!, String(outgoing.get(node.id) ?? 0));
        row.cells[2]!.className = row.cells[3]!.className = 'number';
      },
    });
  }

  #drawEdges(): void {
    const { nodes, edges } = this.#options.store;
    const found = this.#found;
    const named = (id: string): NodeSummary => nodes.get(id)!;
    const shown = [...edges.values()]
      .filter(({ from, to }) => found === undefined || found.has(from) || found.has(to))
      .sort((a, b) => byLabel(named(a.from), named(b.from)) || byLabel(named(a.to), named(b.to)));
    this.#edges.draw(shown.length, edges.size, shown.slice(0, ROWS_MAX), {
      keyOf: ({ key }: Edge) => key,
      data: ({ from, to }) => ({ edgeFrom: from, edgeTo: to }),
      fill: (row, { from, to, failing }) => {
        row.classList.toggle('failing', failing);
        row.classList.toggle('selected', from === this.#selected || to === this.#selected);
        fillNode(row.cells[0]!, named(from), true);
        setText(row.cells[1]!, failing ? '✕→' : '→');
        row.cells[1]!.title = failing ? 'Some connects failed' : '';
        row.cells[1]!.className = 'arrow';
        fillNode(row.cells[2]!, named(to), true);
      },
    });
  }
}

function fillNode(cell: HTMLElement, node: NodeSummary, withMinor: boolean): void {
  let button = cell.querySelector('button');
  if (button === null) {
    button = make('button', { class: 'row-link', attributes: { type: 'button' } });
    cell.append(button);
  }
  button.dataset['select'] = node.id;
  setText(button, displayName(node.label));
  if (button.title !== node.label) button.title = node.label;
  if (!withMinor) return;
  let minor = cell.querySelector('small');
  if (minor === null) cell.append((minor = make('small')));
  setText(minor, node.labelMinor);
}

/** By label, then by small print, then by id: the same order whatever order they came in. */
function byLabel(a: NodeSummary, b: NodeSummary): number {
  return (
    compare(displayName(a.label).toLowerCase(), displayName(b.label).toLowerCase()) ||
    compare(a.labelMinor, b.labelMinor) ||
    compare(a.id, b.id)
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

interface RowKind<T> {
  readonly keyOf: (item: T) => string;
  readonly data: (item: T) => Record<string, string>;
  readonly fill: (row: HTMLTableRowElement, item: T) => void;
}

/** A table body whose rows stay the same elements while their item stays, so that focus and selection survive. */
class KeyedRows {
  readonly #body: HTMLTableSectionElement;
  readonly #count: HTMLElement;
  readonly #more: HTMLElement;
  readonly #cells: number;
  #rows = new Map<string, HTMLTableRowElement>();

  constructor(table: string, count: string, more: string, cells: number) {
    this.#body = find(`#${table} tbody`, HTMLTableSectionElement);
    this.#count = find(`#${count}`, HTMLElement);
    this.#more = find(`#${more}`, HTMLElement);
    this.#cells = cells;
  }

  draw<T>(matching: number, all: number, items: readonly T[], { keyOf, data, fill }: RowKind<T>): void {
    const rows = new Map<string, HTMLTableRowElement>();
    items.forEach((item, index) => {
      const key = keyOf(item);
      let row = this.#rows.get(key);
      if (row === undefined) {
        row = make('tr', { data: data(item) });
        for (let cell = 0; cell < this.#cells; cell++) row.append(make('td'));
      }
      fill(row, item);
      const there = this.#body.rows[index];
      if (there !== row) this.#body.insertBefore(row, there ?? null);
      rows.set(key, row);
    });
    for (const [key, row] of this.#rows) if (!rows.has(key)) row.remove();
    this.#rows = rows;
    setText(this.#count, matching === all ? String(all) : `${matching} of ${all}`);
    this.#more.hidden = matching <= items.length;
    setText(this.#more, `${matching - items.length} more are not listed: search to narrow them down.`);
  }
}
