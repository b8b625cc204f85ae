/**
 * Waits for SIGTERM or SIGINT, then lets the command stop cleanly, but not for ever: a stop that hangs must not make
 * the service manager wait.
 */
import type { Logger } from 'pino';

const STOP_DEADLINE_MS = 4500;

/** Resolves with the first signal. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}

/** Runs `stop`; exits the process with 1 when it takes longer than the deadline. */
export async function stopWithin(log: Logger, stop: () => Promise<void>): Promise<void> {
  const timer = setTimeout(() => {
    log.error(`could not stop within ${STOP_DEADLINE_MS} ms: giving up on what is left`);
    process.exit(1);
  }, STOP_DEADLINE_MS);
  try {
    await stop();
  } finally {
    clearTimeout(timer);
  }
}
