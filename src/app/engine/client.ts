/**
 * The app's side of the engine: calls answered by promises. An engine that dies is replaced by an empty one, which the
 * probes' next reports fill again.
 */
import { Worker, type Transferable } from 'node:worker_threads';
import type { Logger } from 'pino';
import { AppError } from '../errors.js';
import type { EngineSettings } from './engine.js';
import type { Answer, Call, CallArguments, CallName, CallResult } from './engine-messages.js';

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

export interface EngineClientOptions {
  readonly settings: EngineSettings;
  readonly clock: () => number;
  readonly log: Logger;
}

/** Calls under way at once; more are refused, which only a stuck engine brings about. */
const PENDING_MAX = 10_000;
const RETRY_AFTER_SECONDS = 3;
const YOUNG_MS = 5000;
const PAUSE_MS = 1000;

export class EngineClient {
  readonly #options: EngineClientOptions;
  /** Undefined while one that died is being replaced. */
  #worker: Worker | undefined;
  #startTimer: NodeJS.Timeout | undefined;
  #startedAt = -Infinity;
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #closed = false;
  #restarts = 0;

  constructor(options: EngineClientOptions) {
    this.#options = options;
    this.#worker = this.#start();
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** @throws AppError as the engine's method does, or ENGINE_BUSY */
  call<K extends CallName>(
    name: K,
    args: CallArguments<K>,
    transfer: readonly Transferable[] = [],
  ): Promise<CallResult<K>> {
    if (this.#closed || this.#pending.size >= PENDING_MAX)
      return Promise.reject(busy('the app is stopping or overloaded'));
    const id = this.#nextId++;
    const call: Call = { id, name, args, nowMs: this.#options.clock() };
    const worker = this.#worker;
    if (worker === undefined) return Promise.reject(busy('the engine is being started'));
    return new Promise<CallResult<K>>((resolve, reject) => {
      worker.postMessage(call, transfer);
      this.#pending.set(id, { resolve, reject });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#startTimer);
    await this.#worker?.terminate();
    this.#failPending();
  }

  #start(): Worker {
    this.#startedAt = performance.now();
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: this.#options.settings,
      resourceLimits: {
        maxOldGenerationSizeMb: Math.ceil(this.#options.settings.engineHeapBytes / (1024 * 1024)),
      },
    });
    const { log } = this.#options;
    worker.on('message', (answer: Answer) => this.#settle(answer));
    worker.on('error', (error) => log.error({ err: error }, 'the engine failed; starting an empty one'));
    worker.on('messageerror', (error) => {
      log.error({ err: error }, 'the engine said what can not be read; starting an empty one');
      // Its end is what 'exit' waits for.
      worker.terminate().catch(() => undefined);
    });
    worker.on('exit', () => {
      if (this.#closed || worker !== this.#worker) return;
      this.#restarts++;
      this.#worker = undefined;
      this.#failPending();
      this.#replace();
    });
    return worker;
  }

  /** At once, unless the last one died young: then after a pause, so that a thread that can't start costs little. */
  #replace(): void {
    const pauseMs = performance.now() - this.#startedAt < YOUNG_MS ? PAUSE_MS : 0;
    this.#startTimer = setTimeout(() => {
      try {
        this.#worker = this.#start();
      } catch (error) {
        this.#options.log.error({ err: error }, 'the engine can not be started; trying again');
        this.#replace();
      }
    }, pauseMs);
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if (pending === undefined) return;
    if ('result' in answer) pending.resolve(answer.result as never);
    else if ('fault' in answer) pending.reject(AppError.received(answer.fault));
    else pending.reject(new Error(`the engine made a mistake: ${answer.mistake}`));
  }

  #failPending(): void {
    for (const { reject } of this.#pending.values()) reject(busy('the engine has stopped'));
    this.#pending.clear();
  }
}

function busy(why: string): AppError {
  return new AppError('ENGINE_BUSY', `cannot answer now: ${why}`, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
