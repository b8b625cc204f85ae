/**
 * The name of a program, one for all its processes: the executable's base name, or what an interpreter runs. The rules
 * are told in docs/decisions/names-of-programs.md.
 */
import { interpreterName, isOneProgram, scriptOf } from './interpreters.js';

/** Executables that are many programs: the name they are called by, or the first argument, says which. */
const MULTI_CALL = new Set(['busybox', 'toybox', 'coreutils', 'bb']);
/** A comm has room for so many bytes. */
export const COMM_BYTES = 15;
const DELETED = / \(deleted\)$/;

export interface ProgramClues {
  /** The kernel's: the name of the file that was executed, unless the process renamed itself. */
  readonly comm: string;
  /** Where the executable is; undefined when that may not be known, and for kernel threads. */
  readonly executable: string | undefined;
  readonly isKernelThread: boolean;
  /** As the process has them now, the program first; empty for kernel threads, and of a process that has ended. */
  readonly arguments: readonly string[];
}

/** @returns the name, a kernel thread's in brackets; never empty unless everything is */
export function programName({ comm, executable, isKernelThread, arguments: words }: ProgramClues): string {
  const file = executable === undefined ? undefined : baseOf(executable.replace(DELETED, ''));
  const [first = ''] = words;
  if (first === '') return file ?? (isKernelThread ? `[${comm}]` : nameOfComm(comm));
  const isTitle = words.length === 1 && first.includes(' ') && baseOf(first) !== file;
  // Programs that show what they do write a title over their arguments: `nginx: worker process`.
  const called = isTitle ? titleName(first) : baseOf(first).replace(/^-/, '');
  if (file !== undefined && MULTI_CALL.has(file)) return multiCallName(file, called, words);
  const interpreter = interpreterName(file ?? called);
  if (interpreter !== undefined) {
    if (interpreterName(called) === undefined) return called;
    const script = isTitle ? undefined : scriptOf(file ?? called, words.slice(1));
    if (script !== undefined) return script;
    return file !== undefined && isOneProgram(file) ? interpreter : (interpreterName(called) ?? called);
  }
  // A link to an executable is a program of its own, if that is how it was started and not a title.
  if (file === undefined || (!isTitle && sameComm(comm, called))) return called;
  return file;
}

/** What a process is called of which only the comm is known, as it has ended. */
export function nameOfComm(comm: string): string {
  return interpreterName(comm) ?? comm;
}

function multiCallName(file: string, called: string, words: readonly string[]): string {
  const isDirect = called === file;
  const applet = isDirect ? baseOf(words[1] ?? file) : called;
  if (applet === '' || applet.startsWith('-')) return file;
  if (interpreterName(applet) === undefined) return applet;
  return scriptOf(applet, words.slice(isDirect ? 2 : 1)) ?? applet;
}

function titleName(title: string): string {
  const [word = ''] = title.split(/[\s:]/, 1);
  return baseOf(word) || title;
}

function sameComm(comm: string, name: string): boolean {
  return Buffer.from(name).subarray(0, COMM_BYTES).equals(Buffer.from(comm));
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1) || path;
}
