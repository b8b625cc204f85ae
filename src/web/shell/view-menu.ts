/** The switch between views: the three that are always there, and others of the app once they have something to show. */
import { offeredViews } from '../api/requests.js';
import { find, make } from '../panels/elements.js';

const ALWAYS: readonly { readonly id: string; readonly name: string }[] = [
  { id: 'processes', name: 'Processes' },
  { id: 'processes-by-name', name: 'By name' },
  { id: 'hosts', name: 'Hosts' },
];
/** Views are asked for again now and then: containers may come later. */
const REFRESH_MS = 30_000;
const OTHERS_MAX = 12;

export class ViewMenu {
  readonly #nav = find('#views', HTMLElement);
  #current = '';
  #others: readonly { readonly id: string; readonly name: string }[] = [];

  constructor(onChoose: (topology: string) => void) {
    this.#nav.addEventListener('click', ({ target }) => {
      const id =
        target instanceof Element ? target.closest<HTMLElement>('[data-view]')?.dataset['view'] : undefined;
      if (id !== undefined) onChoose(id);
    });
    this.#draw();
    void this.#refresh();
  }

  select(topology: string): void {
    this.#current = topology;
    this.#draw();
  }

  nameOf(topology: string): string {
    return [...ALWAYS, ...this.#others].find(({ id }) => id === topology)?.name ?? topology;
  }

  async #refresh(): Promise<void> {
    try {
      const views = await offeredViews();
      this.#others = views
        .filter(({ id, nodes }) => nodes > 0 && !ALWAYS.some((view) => view.id === id))
        .slice(0, OTHERS_MAX);
      this.#draw();
    } catch {
      // The three that are always there stay; a lost connection is said elsewhere.
    }
    setTimeout(() => void this.#refresh(), REFRESH_MS);
  }

  #draw(): void {
    const shown = [...ALWAYS, ...this.#others];
    if (this.#current !== '' && !shown.some(({ id }) => id === this.#current)) {
      shown.push({ id: this.#current, name: this.#current });
    }
    const text = JSON.stringify([shown, this.#current]);
    if (this.#nav.dataset['drawn'] === text) return;
    this.#nav.dataset['drawn'] = text;
    const hadFocus = this.#nav.contains(document.activeElement);
    this.#nav.replaceChildren(
      ...shown.map(({ id, name }) =>
        make('button', {
          text: name,
          data: { view: id },
          attributes: { type: 'button', ...(id === this.#current ? { 'aria-current': 'page' } : {}) },
        }),
      ),
    );
    if (hadFocus) this.#nav.querySelector<HTMLElement>('[aria-current]')?.focus();
  }
}
