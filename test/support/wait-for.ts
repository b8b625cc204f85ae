/** Waits for something that other programs bring about, with a deadline that only a fault reaches. */
import { setTimeout as sleep } from 'node:timers/promises';

const GIVE_UP_MS = 60_000;
const PAUSE_MS = 50;

/**
 * Reads until what is read is as wanted, and answers that.
 * @param what for the error, which also has what was read last
 */
export async function waitFor<T>(
  what: string,
  read: () => T | Promise<T>,
  isSo: (value: T) => boolean,
): Promise<T> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (;;) {
    const value = await read();
    if (isSo(value)) return value;
    if (performance.now() > giveUpAt)
      throw new Error(`it never came to this: ${what}; last: ${JSON.stringify(value)}`);
    await sleep(PAUSE_MS);
  }
}
