/**
 * What reaches the user when a command can't do what was asked: one line, and the exit code that goes with it.
 */
import { getSystemErrorMap } from 'node:util';

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command was understood but failed: exit code 1. The message says what was attempted and what to do. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Why a system call failed, in the kernel's words and without Node's: `no space left on device`. */
export function reasonOf(error: unknown): string {
  const errno = error instanceof Error && 'errno' in error ? Number(error.errno) : NaN;
  return getSystemErrorMap().get(errno)?.[1] ?? oneLine(error);
}

/** One line without a stack trace, from anything that was thrown. */
export function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s*\n\s*/g, ' ').trim() || 'unknown error';
}
