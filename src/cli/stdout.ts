/**
 * What commands print. Whoever reads it may leave early (`| head`): that is his choice, not a failure. Whatever else keeps
 * it from being written is one.
 */
import type { Logger } from 'pino';
import { CommandError, reasonOf } from './errors.js';

/**
 * To be called once, before anything is printed: without a listener the first write to a pipe without reader, or to a
 * full disk, would end the program with a stack trace. Each write tells of its own failure.
 */
export function surviveLostOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/** Resolves when all of it was handed over, or nobody reads it. @throws CommandError when it can't be written */
export async function print(output: string | Uint8Array): Promise<void> {
  const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => {
    process.stdout.write(output, resolve);
  });
  if (!error || error.code === 'EPIPE') return;
  throw new CommandError(
    `cannot write to standard output: ${reasonOf(error)}; make room there, or send the output elsewhere`,
    { cause: error },
  );
}

/** For programs that go on: what can't be printed is said in the log. */
export async function announce(line: string, log: Logger): Promise<void> {
  try {
    await print(`${line}\n`);
  } catch (error) {
    log.warn(`${line} (${reasonOf(error)})`);
  }
}
