/** How the page is divided: graph, lists, or both; and whether details stand beside them. Remembered in this browser. */
import { find } from '../panels/elements.js';

const LAYOUTS = ['graph', 'both', 'table'] as const;
type Layout = (typeof LAYOUTS)[number];
const KEY = 'topoprobe.layout';

export class PageLayout {
  readonly #stage = find('#stage', HTMLElement);
  readonly #buttons = [...document.querySelectorAll<HTMLButtonElement>('#layouts [data-layout]')];

  constructor(onResize: () => void) {
    for (const button of this.#buttons) {
      button.addEventListener('click', () => this.#set(named(button.dataset['layout']), true));
    }
    this.#set(named(read()), false);
    new ResizeObserver(onResize).observe(find('#graph', HTMLElement));
  }

  /** There is no graph to show: only the lists, and no choice. */
  withoutGraph(): void {
    this.#set('table', false);
    for (const button of this.#buttons) button.disabled = true;
  }

  withDetails(shown: boolean): void {
    this.#stage.toggleAttribute('data-details', shown);
  }

  #set(layout: Layout, remember: boolean): void {
    this.#stage.dataset['layout'] = layout;
    for (const button of this.#buttons) {
      button.setAttribute('aria-pressed', String(button.dataset['layout'] === layout));
    }
    if (remember) write(layout);
  }
}

const named = (text: string | null | undefined): Layout =>
  LAYOUTS.find((layout) => layout === text) ?? 'both';

/** Storage can be forbidden; the choice then lasts as long as the page. */
function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function write(layout: Layout): void {
  try {
    localStorage.setItem(KEY, layout);
  } catch {
    return;
  }
}
