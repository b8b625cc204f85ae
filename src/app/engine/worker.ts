/** The engine's thread: takes calls in turn and answers each. */
import { parentPort, workerData } from 'node:worker_threads';
import { AppError } from '../errors.js';
import { Engine, type EngineSettings } from './engine.js';
import type { Answer, Call } from './messages.js';

const engine = new Engine(workerData as EngineSettings);

function answer({ id, name, args, nowMs }: Call): Answer {
  engine.setTime(nowMs);
  try {
    const call = engine[name].bind(engine) as (...args: readonly unknown[]) => unknown;
    return { id, result: call(...args) };
  } catch (error) {
    if (error instanceof AppError) {
      const { code, message, retryAfterSeconds } = error;
      return { id, fault: { code, message, retryAfterSeconds } };
    }
    return { id, mistake: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

parentPort?.on('message', (call: Call) => parentPort?.postMessage(answer(call)));
