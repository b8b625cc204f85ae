/**
 * A process's arguments as they may leave the machine: as they are, with secrets masked, or none but the program.
 */
import { maskSecrets } from './mask-secrets.js';

/** `masked`: secrets in arguments are replaced; `withheld`: the program's name only; `verbatim`: everything. */
export type ArgumentsPolicy = 'masked' | 'withheld' | 'verbatim';

export interface CommandLine {
  /** The first argument: the program as it was called. Empty for kernel threads. */
  readonly name: string;
  /** All arguments that may be shown, joined by spaces. */
  readonly cmdline: string;
}

/**
 * @param bytes /proc/<pid>/cmdline: arguments ended by NUL. A process that renamed itself has one argument with spaces
 * in it, and perhaps no NUL.
 */
export function parseCommandLine(bytes: Buffer, policy: ArgumentsPolicy): CommandLine {
  const raw = wordsOf(bytes);
  switch (policy) {
    case 'verbatim':
      return { name: raw[0] ?? '', cmdline: raw.join(' ').trimEnd() };
    case 'masked': {
      const shown = maskSecrets(raw);
      return { name: shown[0] ?? '', cmdline: shown.join(' ').trimEnd() };
    }
    case 'withheld': {
      // A title such as "worker --password x" is one argument: only its first word is a program.
      const program = raw.length > 1 ? (raw[0] ?? '') : firstWord(raw[0] ?? '');
      return { name: program, cmdline: program };
    }
  }
}

/**
 * All arguments, to name the program by; secrets in them are masked unless they may be shown. Of withheld ones nothing
 * but a script's name may leave the machine.
 * @returns none for kernel threads
 */
export function programWords(bytes: Buffer, policy: ArgumentsPolicy): readonly string[] {
  const raw = wordsOf(bytes);
  return policy === 'verbatim' ? raw : maskSecrets(raw);
}

function wordsOf(bytes: Buffer): string[] {
  return bytes.toString('utf8').replace(/\0+$/, '').split('\0');
}

function firstWord(title: string): string {
  const end = title.indexOf(' ');
  return end < 0 ? title : title.slice(0, end);
}
