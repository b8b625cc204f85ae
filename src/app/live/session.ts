/**
 * One WebSocket client of one view: the whole graph first, then what changed, never more than one message under way.
 *
 * A client that does not keep up is not queued for: it is skipped until its last message is out, and then gets the
 * difference to what it has, or everything anew when it has been away too long.
 */
import type { WebSocket } from 'ws';

/** What a session needs of a socket. */
export type LiveSocket = Pick<
  WebSocket,
  'readyState' | 'OPEN' | 'bufferedAmount' | 'send' | 'close' | 'terminate' | 'on' | 'ping'
>;

/** What a session needs of a view. */
export interface LiveView {
  /** Number of its state. */
  readonly seq: number;
  /** Text that brings who has state `since` (-1: none) to this one; undefined when that is the same. */
  textSince(since: number): string | undefined;
}

export interface SessionOptions {
  readonly intervalMs: number;
  /** The view as it is now. */
  readonly current: () => Promise<LiveView>;
  /** Called once when the session is over. */
  readonly ended: () => void;
  readonly failed: (error: unknown) => void;
}

const NOTHING = -1;
/** Ticks a client may be behind before its state is taken to be stale and it is sent everything anew. */
const BEHIND_TICKS_MAX = 10;
/** Time without any progress after which the connection is given up. */
const STUCK_MS_MAX = 60_000;
/** A silent client is asked whether it is still there this often. */
const PING_MS = 20_000;
/** A client has nothing to say here; more than this in one message is an error. */
export const CLIENT_MESSAGE_MAX_BYTES = 4_096;

export class Session {
  readonly #socket: LiveSocket;
  readonly #options: SessionOptions;
  readonly #timers: readonly NodeJS.Timeout[];
  /** State that the client has; -1: none. */
  #sent = NOTHING;
  #ticksBehind = 0;
  #asking = false;
  #answered = true;

  constructor(socket: LiveSocket, options: SessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#timers = [
      setInterval(() => void this.#tick(), options.intervalMs),
      setInterval(() => this.#ping(), PING_MS),
    ];
    socket.on('pong', () => (this.#answered = true));
    socket.on('close', () => this.#end());
    socket.on('error', () => socket.terminate());
    void this.#tick();
  }

  #end(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#options.ended();
  }

  #ping(): void {
    // One that reads slowly answers late: `#tick` judges it by its progress instead.
    if (!this.#answered && this.#socket.bufferedAmount === 0) this.#socket.terminate();
    else if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
    this.#answered = false;
  }

  async #tick(): Promise<void> {
    const socket = this.#socket;
    if (this.#asking || socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > 0) {
      this.#ticksBehind++;
      if (this.#ticksBehind * this.#options.intervalMs > STUCK_MS_MAX) socket.terminate();
      return;
    }
    if (this.#ticksBehind > BEHIND_TICKS_MAX) this.#sent = NOTHING;
    this.#ticksBehind = 0;
    this.#asking = true;
    try {
      const current = await this.#options.current();
      const text = current.textSince(this.#sent);
      this.#sent = current.seq;
      if (text !== undefined) socket.send(text);
    } catch (error) {
      this.#options.failed(error);
      socket.close(1011, 'the app failed to make this view');
    } finally {
      this.#asking = false;
    }
  }
}
