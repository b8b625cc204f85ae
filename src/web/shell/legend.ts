/** What the colours mean; a click searches for that group. */
import type { Groups } from '../graph/groups.js';
import { displayName } from '../api/display-name.js';
import { find, make, setText } from '../panels/elements.js';

/** The largest groups; the list must not cover the picture. */
const SHOWN = 10;

export class Legend {
  readonly #box = find('#legend', HTMLElement);
  readonly #title = find('#legend-title', HTMLElement);
  readonly #list = find('#legend-groups', HTMLElement);
  #drawn = '';

  constructor(onChoose: (group: string) => void) {
    this.#list.addEventListener('click', ({ target }) => {
      const group =
        target instanceof Element ? target.closest<HTMLElement>('[data-group]')?.dataset['group'] : undefined;
      if (group !== undefined) onChoose(group);
    });
  }

  draw(groups: Groups): void {
    const all = groups.list();
    const coloured = all.filter(({ slot }) => slot !== undefined).slice(0, SHOWN);
    const others = all.length - coloured.length;
    this.#box.hidden = all.length < 2;
    const text = JSON.stringify([groups.kind, coloured, others]);
    if (text === this.#drawn) return;
    this.#drawn = text;
    setText(this.#title, groups.kind === 'host' ? 'Hosts' : 'Names');
    const rows = coloured.map(({ name, nodes, slot }) =>
      make('li', {
        children: [
          make('button', {
            title: `Search for ${name}`,
            data: { group: name },
            attributes: { type: 'button' },
            children: [
              make('span', { class: 'swatch', data: { slot: String((slot ?? 0) + 1) } }),
              make('span', { class: 'legend-name', text: displayName(name) }),
              make('span', { class: 'count', text: String(nodes) }),
            ],
          }),
        ],
      }),
    );
    if (others > 0) {
      rows.push(
        make('li', {
          class: 'legend-others',
          children: [
            make('span', { class: 'swatch', data: { slot: 'other' } }),
            make('span', { class: 'legend-name', text: `${others} others` }),
          ],
        }),
      );
    }
    this.#list.replaceChildren(...rows);
  }
}
