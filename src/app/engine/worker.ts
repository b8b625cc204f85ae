/** The engine's thread: takes calls in turn and answers each. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { AppError } from '../errors.js';
import { Engine, type EngineSettings } from './engine.js';
import type { Answer, Call } from './engine-messages.js';

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

/** An answer that can't be sent is a mistake of its own: whoever asked must not wait for ever. */
function send(to: MessagePort, answered: Answer): void {
  try {
    to.postMessage(answered);
  } catch (error) {
    to.postMessage({ id: answered.id, mistake: String(error) } satisfies Answer);
  }
}

if (parentPort !== null) {
  const port = parentPort;
  port.on('message', (call: Call) => send(port, answer(call)));
}
