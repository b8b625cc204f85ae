/**
 * Reads the app's secrets from files: tokens, passwords, certificates and keys. None of them is ever part of a message.
 */
import { readFile } from 'node:fs/promises';
import type { AppOptions } from '../../app/index.js';
import type { AppServeOptions } from './app-options.js';
import { CommandError } from '../errors.js';

/** A secret that is shorter can be guessed. */
const SECRET_LENGTH_MIN = 8;

/** @throws CommandError for a file that can't be read or has nothing useful in it */
export async function readSecrets(options: AppServeOptions): Promise<Pick<AppOptions, 'auth' | 'tls'>> {
  const [probeTokens, readTokens, users, cert, key, ca] = await Promise.all([
    tokens('--probe-token-file', options.probeTokenFile),
    tokens('--read-token-file', options.readTokenFile),
    passwords('--users-file', options.usersFile),
    text('--tls-cert', options.tlsCert),
    text('--tls-key', options.tlsKey),
    text('--tls-client-ca', options.tlsClientCa),
  ]);
  return {
    auth: { probeTokens, readTokens, users },
    ...(cert === undefined || key === undefined
      ? {}
      : { tls: { cert, key, ...(ca === undefined ? {} : { ca }) } }),
  };
}

async function text(option: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CommandError(
      `cannot read ${option} ${path}: ${(cause as NodeJS.ErrnoException).code ?? 'failed'}; name a file that this user can read`,
      { cause },
    );
  }
}

/** Lines that are neither empty nor comments, with their numbers. */
async function lines(option: string, path: string | undefined): Promise<[number, string][]> {
  const content = await text(option, path);
  if (content === undefined) return [];
  const useful = content
    .split('\n')
    .map((line, index): [number, string] => [index + 1, line.trim()])
    .filter(([, line]) => line !== '' && !line.startsWith('#'));
  // An empty file must not mean that nobody has to identify himself.
  if (useful.length === 0)
    throw new CommandError(
      `${option} ${path ?? ''} is empty; write one entry a line, or leave the option out`,
    );
  return useful;
}

async function tokens(option: string, path: string | undefined): Promise<string[]> {
  return (await lines(option, path)).map(([number, line]) => {
    if (line.length < SECRET_LENGTH_MIN || /\s/.test(line))
      throw malformed(
        option,
        path,
        number,
        `one token of at least ${SECRET_LENGTH_MIN} characters, no spaces`,
      );
    return line;
  });
}

async function passwords(option: string, path: string | undefined): Promise<Map<string, string>> {
  const users = new Map<string, string>();
  for (const [number, line] of await lines(option, path)) {
    const colon = line.indexOf(':');
    const password = line.slice(colon + 1);
    if (colon < 1 || password.length < SECRET_LENGTH_MIN || users.has(line.slice(0, colon)))
      throw malformed(
        option,
        path,
        number,
        `user:password, each user once, passwords of at least ${SECRET_LENGTH_MIN} characters`,
      );
    users.set(line.slice(0, colon), password);
  }
  return users;
}

function malformed(option: string, path: string | undefined, line: number, form: string): CommandError {
  return new CommandError(`line ${line} of ${option} ${path ?? ''} is wrong; write ${form}`);
}
