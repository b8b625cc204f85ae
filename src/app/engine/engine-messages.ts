/** What the app's thread and the engine's say to each other. */
import type { AppErrorCode } from '../errors.js';
import type { Engine } from './engine.js';

/** Names of the engine's calls. */
export type CallName = Exclude<keyof Engine, 'setTime'>;
export type CallArguments<K extends CallName> = Parameters<Engine[K]>;
export type CallResult<K extends CallName> = ReturnType<Engine[K]>;

export interface Call {
  readonly id: number;
  readonly name: CallName;
  readonly args: readonly unknown[];
  readonly nowMs: number;
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | {
      readonly id: number;
      readonly fault: {
        readonly code: AppErrorCode;
        readonly message: string;
        readonly retryAfterSeconds: number | undefined;
      };
    }
  /** The engine's own mistake. */
  | { readonly id: number; readonly mistake: string };
