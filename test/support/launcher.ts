/** Runs bin/topoprobe on another Node.js, or on one that tells what it was to run. */
import assert from 'node:assert/strict';
import { spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { LAUNCHER, TOPOPROBE } from './topoprobe.js';

/** A Node.js that tells what it was asked to run, an argument a line, each in JSON. */
export const TELLS = String.raw`#!/bin/sh
if [ "$1" = --version ]; then echo v26.0.0; exit; fi
exec "${process.execPath}" -e 'for (const each of process.argv.slice(1)) console.log(JSON.stringify(each))' -- "$@"
`;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Without a TOPOPROBE_NODE but one that is asked for. */
export async function launch(
  file: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Ended> {
  const { TOPOPROBE_NODE: _unused, ...env } = process.env;
  const child = spawn(file, args, {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, ...options.env },
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: child.exitCode, stdout, stderr };
}

/** An empty one, gone after the test. */
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'topoprobe-launcher-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** An executable file. */
export function script(t: TestContext, source: string, name = 'node'): string {
  const file = join(folder(t), name);
  writeFileSync(file, source);
  chmodSync(file, 0o755);
  return file;
}

/** What the launcher had Node.js run. */
export async function told(t: TestContext, args: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await launch(LAUNCHER, args, {
    env: { TOPOPROBE_NODE: script(t, TELLS) },
  });
  assert.equal(code, 0, stderr);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as string);
}

/** What the launcher has Node.js tell V8, for a command. */
export async function flagsOf(t: TestContext, ...args: readonly string[]): Promise<string[]> {
  const all = await told(t, args);
  return all.slice(0, all.indexOf(TOPOPROBE));
}
