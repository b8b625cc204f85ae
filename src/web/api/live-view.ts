/**
 * One view kept live over a WebSocket: reconnects with backoff, and notices a connection that died without a word.
 *
 * The app sends nothing while nothing changes, so after a silence a small HTTP request asks whether it is still there.
 */
import { Backoff } from './backoff.js';
import { parseDelta, type Delta } from './wire.js';

/** What is needed of a WebSocket; the browser's and Node's both fit. */
export interface Socket {
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  close(): void;
}

export type LinkState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'lost'; readonly retryAtMs: number };

export interface LiveViewOptions {
  readonly url: string;
  readonly openSocket: (url: string) => Socket;
  /** Rejects when the app does not answer. */
  readonly isAlive: () => Promise<void>;
  /** `first` is true for the first delta of a connection, which is the whole graph. */
  readonly onDelta: (delta: Delta, first: boolean) => void;
  readonly onState: (state: LinkState) => void;
  readonly backoff?: Backoff;
  /** Silence after which the app is asked whether it is there. */
  readonly silenceMs?: number;
}

const SILENCE_MS = 15_000;

type Timer = ReturnType<typeof setTimeout>;

export class LiveView {
  readonly #options: LiveViewOptions;
  readonly #backoff: Backoff;
  readonly #silenceMs: number;
  #socket: Socket | undefined;
  #retry: Timer | undefined;
  #silence: Timer | undefined;
  #closed = false;

  constructor(options: LiveViewOptions) {
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff();
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
    this.#connect();
  }

  /** Does not wait for the next attempt. */
  retryNow(): void {
    if (this.#closed || this.#retry === undefined) return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#drop();
  }

  #connect(): void {
    this.#options.onState({ kind: 'connecting' });
    let socket: Socket;
    try {
      socket = this.#options.openSocket(this.#options.url);
    } catch {
      this.#lost();
      return;
    }
    this.#socket = socket;
    let first = true;
    // An app that accepts and never answers must not be waited for without end.
    this.#watchSilence(socket);
    socket.addEventListener('open', () => {
      // Of an empty view nothing may ever come, so the connection alone counts.
      if (socket === this.#socket) this.#options.onState({ kind: 'live' });
    });
    socket.addEventListener('message', ({ data }) => {
      if (socket !== this.#socket || typeof data !== 'string') return;
      this.#watchSilence(socket);
      let delta: Delta;
      try {
        delta = parseDelta(data);
      } catch {
        // The state can't be trusted any more: start over with the whole graph.
        this.#lost();
        return;
      }
      if (first) this.#backoff.succeeded();
      this.#options.onDelta(delta, first);
      first = false;
    });
    const ended = (): void => {
      if (socket === this.#socket) this.#lost();
    };
    socket.addEventListener('close', ended);
    socket.addEventListener('error', ended);
  }

  #watchSilence(socket: Socket): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#options.isAlive().then(
        () => {
          if (socket === this.#socket) this.#watchSilence(socket);
        },
        () => {
          if (socket === this.#socket) this.#lost();
        },
      );
    }, this.#silenceMs);
  }

  #lost(): void {
    this.#drop();
    if (this.#closed) return;
    const waitMs = this.#backoff.nextMs();
    this.#options.onState({ kind: 'lost', retryAtMs: Date.now() + waitMs });
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#connect();
    }, waitMs);
  }

  #drop(): void {
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#socket = undefined;
    // What it still has to say is of no interest: listeners look whether theirs is the current one.
    socket?.close();
  }
}
