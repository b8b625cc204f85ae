/**
 * The last resort for errors that nobody handled: each is a bug, is logged and counted as one, and the part of the program
 * that it came from is started again. Nothing of that ends the program, which others rely on.
 *
 * What a part begins (sockets, timers, promises) is known by its asynchronous context, however deep inside a package the
 * error is thrown.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from 'pino';
import { oneLine } from './errors.js';

export interface Part {
  /** As in metrics and in the log: `dns`, `source` … */
  readonly name: string;
  /** Puts what may be broken out of use, and something new in its place. May be called at any time. */
  readonly restart: () => void | Promise<void>;
}

export interface SupervisorOptions {
  readonly log: Logger;
  /** Milliseconds of the first pause between two restarts of one part. Default: 1 s. */
  readonly pauseMs?: number;
}

interface State {
  errors: number;
  /** Restarts in a row, each soon after the one before. */
  streak: number;
  lastRestartAt: number;
  timer: NodeJS.Timeout | undefined;
}

const PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** Bound on the parts that are counted apart; there are fewer. */
const PARTS_MAX = 32;
/** Errors of a part that nobody knows. */
const UNKNOWN = 'unknown';

export class Supervisor {
  readonly #context = new AsyncLocalStorage<Part>();
  readonly #log: Logger;
  readonly #pauseMs: number;
  /** Long-lived ones: all of them are started again when it can't be told whose an error is. */
  readonly #parts = new Map<string, Part>();
  readonly #states = new Map<string, State>();
  readonly #counters = { unhandled_errors: 0, restarts: 0, failed_restarts: 0 };
  #isClosed = false;

  constructor({ log, pauseMs = PAUSE_MS }: SupervisorOptions) {
    this.#log = log;
    this.#pauseMs = pauseMs;
    process.on('uncaughtException', this.#onError);
    process.on('unhandledRejection', this.#onError);
  }

  /** Runs `start`. What comes of all that it begins is this part's, until a part within it says otherwise. */
  run<Result>(part: Part, start: () => Result): Result {
    this.#parts.set(part.name, part);
    return this.#context.run(part, start);
  }

  /** As `run`, for one of many alike that come and go, such as a request. */
  runBriefly<Result>(part: Part, start: () => Result): Result {
    return this.#context.run(part, start);
  }

  /** Monotonic; `unhandled_errors_in_<part>` for each part that had any. */
  counters(): Readonly<Record<string, number>> {
    const byPart = Array.from(this.#states, ([name, { errors }]) => [`unhandled_errors_in_${name}`, errors]);
    return { ...this.#counters, ...(Object.fromEntries(byPart) as Record<string, number>) };
  }

  /** One line when there were any errors: which, and what to do. */
  troubles(): readonly string[] {
    if (this.#counters.unhandled_errors === 0) return [];
    const byPart = Array.from(this.#states, ([name, { errors }]) => `${name}: ${errors}`).join(', ');
    return [
      `errors that nobody handled, which are bugs of this program (${byPart}); the parts were started again: please report what the log says of them`,
    ];
  }

  /** From now on errors are logged and counted only: the program is ending. */
  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#states.values()) clearTimeout(timer);
  }

  readonly #onError = (error: unknown): void => {
    const part = this.#context.getStore();
    const name = part?.name ?? UNKNOWN;
    const state = this.#stateOf(name);
    state.errors++;
    this.#counters.unhandled_errors++;
    const next = this.#isClosed ? 'the program is ending' : 'it is started again';
    this.#log.error(
      { err: error, part: name },
      `an error that nobody handled in part ${name}, which is a bug: ${next}; please report this`,
    );
    if (part !== undefined && this.#parts.get(name) !== part) this.#restart(part, state);
    else for (const one of part ? [part] : this.#parts.values()) this.#plan(one);
  };

  #stateOf(name: string): State {
    const known = this.#states.get(name);
    if (known !== undefined) return known;
    const state: State = { errors: 0, streak: 0, lastRestartAt: -Infinity, timer: undefined };
    if (this.#states.size < PARTS_MAX) this.#states.set(name, state);
    return state;
  }

  /** A part that fails again and again is left alone for longer each time. */
  #plan(part: Part): void {
    const state = this.#stateOf(part.name);
    if (this.#isClosed || state.timer !== undefined) return;
    const sinceMs = performance.now() - state.lastRestartAt;
    if (sinceMs > LONGEST_PAUSE_MS * 2) state.streak = 0;
    const pauseMs =
      state.streak === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2 ** (state.streak - 1));
    state.streak++;
    // Not from within the error: what it interrupted is left alone first.
    state.timer = this.#context.exit(() =>
      setTimeout(
        () => {
          state.timer = undefined;
          state.lastRestartAt = performance.now();
          this.#restart(part, state);
        },
        Math.max(0, pauseMs - sinceMs),
      ),
    );
  }

  #restart(part: Part, state: State): void {
    if (this.#isClosed) return;
    const isLasting = this.#parts.get(part.name) === part;
    // What the new one begins is the part's again.
    const restarted = this.#context.run(part, async () => part.restart());
    restarted.then(
      () => {
        this.#counters.restarts++;
      },
      (error: unknown) => {
        this.#counters.failed_restarts++;
        this.#log.error(
          { err: error, part: part.name },
          `could not start part ${part.name} again: ${oneLine(error)}`,
        );
        if (isLasting && state.timer === undefined) this.#plan(part);
      },
    );
  }
}
