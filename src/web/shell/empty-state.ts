/** What to do when there is nothing to see: start a probe, or make a connection. */
import { reportingHosts } from '../api/requests.js';
import { find, setText } from '../panels/elements.js';

/** An app that has just started gets this long before the page speaks of emptiness. */
const PATIENCE_MS = 1_500;
const REFRESH_MS = 5_000;
const HOSTS_SHOWN = 3;

export class EmptyState {
  readonly #box = find('#empty', HTMLElement);
  readonly #title = find('#empty-title', HTMLElement);
  readonly #text = find('#empty-text', HTMLElement);
  readonly #command = find('#empty-command', HTMLElement);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Called after each change of the graph or of the connection. */
  show(empty: boolean): void {
    if (!empty) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#box.hidden = true;
      return;
    }
    this.#timer ??= setTimeout(() => void this.#refresh(), PATIENCE_MS);
  }

  async #refresh(): Promise<void> {
    const timer = this.#timer;
    let hosts: string[] = [];
    try {
      hosts = await reportingHosts();
    } catch {
      // That the app is away is said in the banner; the advice stays right.
    }
    if (timer === undefined || this.#timer !== timer) return;
    this.#draw(hosts);
    this.#timer = setTimeout(() => void this.#refresh(), REFRESH_MS);
  }

  #draw(hosts: readonly string[]): void {
    this.#box.hidden = false;
    if (hosts.length === 0) {
      setText(this.#title, 'No probe reports yet');
      setText(this.#text, 'Start one, as root, on each machine that should appear here:');
      setText(this.#command, `topoprobe probe ${location.origin}`);
      return;
    }
    const named = hosts.slice(0, HOSTS_SHOWN).join(', ');
    const more = hosts.length > HOSTS_SHOWN ? ` and ${hosts.length - HOSTS_SHOWN} more` : '';
    setText(this.#title, 'No connections yet');
    setText(
      this.#text,
      `${named}${more} ${hosts.length === 1 ? 'reports' : 'report'}, but no TCP connection was seen lately. Open one that stays a while:`,
    );
    setText(this.#command, `curl -sN --limit-rate 1k ${location.origin}/api/report -o /dev/null`);
  }
}
