/** The search box: `/` goes to it, Enter walks through what it found, Escape empties it, then closes the details. */
import type { NodeSummary } from '../api/wire.js';
import { find, setText } from '../panels/elements.js';

export interface SearchBoxOptions {
  readonly onQuery: () => void;
  readonly onStep: (id: string) => void;
  /** Escape with nothing to empty. */
  readonly onEscape: () => void;
}

export class SearchBox {
  readonly #options: SearchBoxOptions;
  readonly #input = find('#search', HTMLInputElement);
  readonly #count = find('#search-count', HTMLElement);
  #found: readonly string[] = [];
  #at = -1;

  constructor(options: SearchBoxOptions) {
    this.#options = options;
    this.#input.addEventListener('input', () => {
      this.#at = -1;
      options.onQuery();
    });
    find('#search-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#step();
    });
    document.addEventListener('keydown', (event) => this.#key(event));
  }

  get query(): string {
    return this.#input.value;
  }

  set(query: string): void {
    this.#input.value = this.#input.value === query ? '' : query;
    this.#at = -1;
    this.#options.onQuery();
  }

  showFound(found: ReadonlySet<string> | undefined, nodes: ReadonlyMap<string, NodeSummary>): void {
    this.#found = [...(found ?? [])].sort((a, b) => {
      const [labelA, labelB] = [nodes.get(a)?.label ?? a, nodes.get(b)?.label ?? b];
      return labelA < labelB ? -1 : labelA > labelB ? 1 : 0;
    });
    setText(this.#count, found === undefined ? '' : `${found.size} of ${nodes.size}`);
  }

  #step(): void {
    if (this.#found.length === 0) return;
    this.#at = (this.#at + 1) % this.#found.length;
    const id = this.#found[this.#at];
    if (id !== undefined) this.#options.onStep(id);
  }

  #key(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      if (this.#input.value === '') this.#options.onEscape();
      else this.set('');
      return;
    }
    const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
    if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#input.focus();
    this.#input.select();
  }
}
