/** Says whether the picture is live: the light in the bar, the time of the last update, and the banner when it isn't. */
import type { LinkState } from '../api/live-view.js';
import { find, setText } from '../panels/elements.js';
import { formatDuration } from '../panels/format.js';

export class LinkStatus {
  readonly #status = find('#link-status', HTMLElement);
  readonly #text = find('#link-text', HTMLElement);
  readonly #update = find('#last-update', HTMLTimeElement);
  readonly #banner = find('#lost', HTMLElement);
  readonly #bannerText = find('#lost-text', HTMLElement);
  #state: LinkState = { kind: 'connecting' };
  /** Since the connection was lost; connecting again does not yet mean being back. */
  #lost = false;
  #updatedMs: number | undefined;
  /** What the app says why it takes no connection. */
  #refusal = '';

  constructor(onRetry: () => void) {
    find('#retry', HTMLButtonElement).addEventListener('click', onRetry);
    setInterval(() => this.#draw(), 1_000);
    this.#draw();
  }

  setState(state: LinkState): void {
    this.#state = state;
    if (state.kind !== 'connecting') this.#lost = state.kind === 'lost';
    if (state.kind === 'live') this.#refusal = '';
    this.#draw();
  }

  refused(reason: string): void {
    this.#refusal = reason;
    this.#draw();
  }

  updated(): void {
    this.#updatedMs = Date.now();
    this.#draw();
  }

  /** Another view is loading. */
  reset(): void {
    this.#lost = false;
    this.#updatedMs = undefined;
    this.#draw();
  }

  #draw(): void {
    const lost = this.#lost;
    this.#status.dataset['state'] = lost ? 'lost' : this.#state.kind;
    setText(this.#text, lost ? 'Offline' : this.#state.kind === 'live' ? 'Live' : 'Connecting');
    document.documentElement.toggleAttribute('data-offline', lost);
    this.#banner.hidden = !lost;
    setText(this.#bannerText, this.#lostText());
    if (this.#updatedMs === undefined) {
      setText(this.#update, 'never');
      return;
    }
    const at = new Date(this.#updatedMs);
    const agoSeconds = Math.max(0, Math.round((Date.now() - this.#updatedMs) / 1_000));
    this.#update.dateTime = at.toISOString();
    setText(
      this.#update,
      `${at.toLocaleTimeString([], { hour12: false })} (${formatDuration(agoSeconds)} ago)`,
    );
  }

  #lostText(): string {
    if (this.#refusal !== '') return `The app does not take this page: ${this.#refusal}`;
    const since = this.#updatedMs === undefined ? '' : ' What is shown is the last known state.';
    if (this.#state.kind !== 'lost') return `Connection to the app lost. Connecting…${since}`;
    const seconds = Math.max(0, Math.ceil((this.#state.retryAtMs - Date.now()) / 1_000));
    return `Connection to the app lost. Next attempt in ${seconds} s.${since}`;
  }
}
