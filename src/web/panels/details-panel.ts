/**
 * One node's details beside the graph: facts, metrics, parents, connections both ways, what it is made of.
 *
 * Asked for anew while it is open; drawn anew only when the answer differs, keeping scroll position and focus.
 */
import { ApiError, nodeDetails } from '../api/requests.js';
import type { NodeDetails } from '../api/wire.js';
import { displayName } from '../api/display-name.js';
import { detailsSections } from './details-sections.js';
import { find, make, setText } from './elements.js';

export interface DetailsPanelOptions {
  /** Follows a link to a node, perhaps of another view. */
  readonly onOpen: (topology: string, id: string) => void;
  readonly onClose: () => void;
}

const REFRESH_MS = 3_000;

export class DetailsPanel {
  readonly #panel = find('#details', HTMLElement);
  #request: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #shown: { readonly key: string; text: string } | undefined;

  constructor(options: DetailsPanelOptions) {
    this.#panel.addEventListener('click', ({ target }) => {
      if (!(target instanceof Element)) return;
      if (target.closest('[data-close]') !== null) options.onClose();
      const link = target.closest<HTMLElement>('[data-open-id]')?.dataset;
      if (link?.['openId'] !== undefined) options.onOpen(link['openTopology'] ?? '', link['openId']);
    });
  }

  /** `label` stands there until the details are. */
  open(topology: string, id: string, label: string): void {
    const key = `${topology}\0${id}`;
    if (this.#shown?.key === key) return;
    this.#stop();
    this.#shown = { key, text: '' };
    this.#panel.hidden = false;
    this.#panel.replaceChildren(this.#head(label, ''), make('p', { class: 'note', text: 'Loading…' }));
    this.#panel.scrollTop = 0;
    void this.#load(topology, id, label);
  }

  close(): void {
    this.#stop();
    this.#shown = undefined;
    this.#panel.hidden = true;
    this.#panel.replaceChildren();
  }

  #stop(): void {
    this.#request?.abort();
    clearTimeout(this.#timer);
  }

  async #load(topology: string, id: string, label: string): Promise<void> {
    const request = new AbortController();
    this.#request = request;
    try {
      const details = await nodeDetails(topology, id, request.signal);
      if (!request.signal.aborted) this.#draw(topology, details);
    } catch (error) {
      if (!request.signal.aborted) this.#explain(label, error);
    }
    if (request.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#load(topology, id, label), REFRESH_MS);
  }

  #draw(topology: string, details: NodeDetails): void {
    const text = JSON.stringify(details, (_key, value: unknown) =>
      value instanceof Map ? [...value] : value,
    );
    if (this.#shown === undefined || this.#shown.text === text) return;
    this.#shown.text = text;
    const { scrollTop } = this.#panel;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement : undefined;
    const focusKey = this.#panel.contains(focused ?? null) ? focused?.dataset['focusKey'] : undefined;
    this.#panel.replaceChildren(
      this.#head(details.label, details.labelMinor),
      ...detailsSections(topology, details),
    );
    this.#panel.scrollTop = scrollTop;
    if (focusKey === undefined) return;
    const again = [...this.#panel.querySelectorAll<HTMLElement>('[data-focus-key]')];
    again.find(({ dataset }) => dataset['focusKey'] === focusKey)?.focus({ preventScroll: true });
  }

  /** Keeps what was shown, and says above it why it is not newer. */
  #explain(label: string, error: unknown): void {
    const gone = error instanceof ApiError && error.status === 404;
    const text = gone
      ? 'Not seen any more: it has ended or has had no connection lately.'
      : 'Could not load the details. Trying again.';
    let note = this.#panel.querySelector('.note');
    if (note === null) {
      note = make('p', { class: 'note' });
      this.#panel.querySelector('header')?.after(note);
    }
    setText(note, text);
    note.setAttribute('role', 'status');
    if (this.#shown !== undefined) this.#shown.text = '';
    if (this.#panel.querySelector('header') === null) this.#panel.prepend(this.#head(label, ''));
  }

  #head(label: string, labelMinor: string): HTMLElement {
    return make('header', {
      children: [
        make('div', {
          children: [
            make('h2', { text: displayName(label), title: label }),
            ...(labelMinor === '' ? [] : [make('p', { text: labelMinor })]),
          ],
        }),
        make('button', {
          class: 'icon-button',
          text: '×',
          title: 'Close (Esc)',
          data: { close: '', focusKey: 'close' },
          attributes: { type: 'button', 'aria-label': 'Close details' },
        }),
      ],
    });
  }
}
