/**
 * Programs that run other programs: how each is told which one, as its arguments say. What an interpreter is given to run
 * on the command line itself has no name; the interpreter's stands for it.
 */

interface Interpreter {
  /** Base names of the executable, with what of a version is part of the name in a group; the rest goes. */
  readonly names: RegExp;
  /** One-letter options whose value is code: there is no script. */
  readonly code: string;
  /** One-letter options that take a value: the rest of the word, or the next one. */
  readonly values: string;
  /** One-letter options that take the rest of the word, and never the next one. */
  readonly glued?: string;
  /** One-letter options whose value is the name of what is run. */
  readonly script?: string;
  /** Long options (or whole words) that take the next word. */
  readonly longValues?: readonly string[];
  /** Long options whose value is code. */
  readonly longCode?: readonly string[];
  /** Words before the script that are commands of the interpreter. */
  readonly commands?: readonly string[];
  /** Other names for it are links to it, and mean it. Shells are other programs under each name. */
  readonly isOneProgram: boolean;
}

const INTERPRETERS: readonly Interpreter[] = [
  {
    names: /^((?:python|pypy)[23]?)(?:\.\d+)*[a-z]?$/,
    code: 'c',
    values: 'WX',
    script: 'm',
    longValues: ['--check-hash-based-pycs'],
    isOneProgram: true,
  },
  {
    names: /^(node|nodejs|bun|deno)(?:[-.]?\d+)*$/,
    code: 'ep',
    values: 'rC',
    longValues: [
      '--require',
      '--import',
      '--loader',
      '--experimental-loader',
      '--conditions',
      '--env-file',
      '--title',
      '--openssl-config',
      '--icu-data-dir',
      '--config',
    ],
    longCode: ['--eval', '--print'],
    commands: ['run'],
    isOneProgram: true,
  },
  { names: /^(j?ruby)(?:[-.]?\d+)*$/, code: 'e', values: 'ICErF', glued: 'xKTW0i', isOneProgram: true },
  { names: /^(perl)(?:[-.]?\d+)*$/, code: 'eE', values: 'I', glued: 'MmxFilCD0dV', isOneProgram: true },
  { names: /^(php)(?:[-.]?\d+)*$/, code: 'rBR', values: 'cdSztg', script: 'fF', isOneProgram: true },
  { names: /^(lua|luajit)(?:[-.]?\d+)*$/, code: 'e', values: 'lj', isOneProgram: true },
  {
    names: /^(tclsh|wish|guile|julia|Rscript|escript|groovy|gjs)(?:[-.]?\d+)*$/,
    code: 'e',
    values: 'LJC',
    isOneProgram: true,
  },
  {
    names: /^(sh|bash|rbash|dash|ash|zsh|ksh|mksh|lksh|yash|fish|csh|tcsh)(?:[-.]?\d+)*$/,
    code: 'c',
    values: 'oO',
    longValues: ['--rcfile', '--init-file'],
    isOneProgram: false,
  },
];

/** Its options are words with one dash. */
const JAVA = /^java$/;
const JAVA_VALUES = new Set([
  '-cp',
  '-classpath',
  '--class-path',
  '-p',
  '--module-path',
  '--upgrade-module-path',
  '--add-modules',
  '--limit-modules',
  '--add-reads',
  '--add-exports',
  '--add-opens',
  '--patch-module',
  '--enable-native-access',
]);
/** They take the file of the program as first word. */
const RUNTIMES = /^(dotnet|mono|wasmtime|wasmer)(?:[-.]?\d+)*$/;

/** What an interpreter of this base name is called, whatever its version; undefined for other programs. */
export function interpreterName(base: string): string | undefined {
  if (JAVA.test(base)) return base;
  const name = RUNTIMES.exec(base)?.[1] ?? find(base)?.names.exec(base)?.[1];
  return name === 'nodejs' ? 'node' : name;
}

/** Whether all names of an interpreter's executable mean the same program. */
export function isOneProgram(base: string): boolean {
  return find(base)?.isOneProgram ?? true;
}

/**
 * What an interpreter runs: a script's base name, a module, a class; undefined when that has no name.
 * @param words its arguments, without its own name
 */
export function scriptOf(base: string, words: readonly string[]): string | undefined {
  if (JAVA.test(base)) return javaProgram(words);
  const kind = find(base);
  if (kind === undefined) return fileOf(words.find((word) => !word.startsWith('-')));
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === '-' || word === '--') return word === '-' ? undefined : fileOf(words[i + 1]);
    if (word.startsWith('--')) {
      if (kind.longCode?.some((option) => word === option || word.startsWith(`${option}=`)) === true)
        return undefined;
      if (kind.longValues?.includes(word) === true) i++;
      continue;
    }
    if (word.startsWith('-') || (word.startsWith('+') && !kind.isOneProgram)) {
      const option = readOption(kind, word.slice(1));
      if (option.what === 'code') return undefined;
      if (option.what === 'script') return fileOf(option.value === '' ? words[i + 1] : option.value);
      if (option.what === 'value' && option.value === '') i++;
      continue;
    }
    if (kind.commands?.includes(word) === true) continue;
    return fileOf(word);
  }
  return undefined;
}

function find(base: string): Interpreter | undefined {
  return INTERPRETERS.find(({ names }) => names.test(base));
}

/** Options run together, such as `-Ic`: the first that takes a value takes the rest. */
function readOption(
  { code, values, glued = '', script = '' }: Interpreter,
  letters: string,
): { what: 'flags' | 'code' | 'value' | 'script'; value: string } {
  for (let at = 0; at < letters.length; at++) {
    const letter = letters[at]!;
    const value = letters.slice(at + 1);
    if (code.includes(letter)) return { what: 'code', value };
    if (script.includes(letter)) return { what: 'script', value };
    if (values.includes(letter)) return { what: 'value', value };
    if (glued.includes(letter)) break;
  }
  return { what: 'flags', value: '' };
}

function javaProgram(words: readonly string[]): string | undefined {
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === '-jar') return fileOf(words[i + 1]);
    if (word === '-m' || word === '--module') return words[i + 1]?.replace(/^.*\//, '');
    if (JAVA_VALUES.has(word)) i++;
    else if (!word.startsWith('-') && !word.startsWith('@')) return fileOf(word);
  }
  return undefined;
}

function fileOf(path: string | undefined): string | undefined {
  const base = path?.replace(/\/+$/, '').replace(/^.*\//s, '');
  return base === '' ? undefined : base;
}
