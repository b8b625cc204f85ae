/** Real programs that ask web servers: wrk, ab and curl, each with what it counts itself. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { debianCommand } from './debian.js';
import { startReal, type Place, type RealProcess } from './real-process.js';

export interface WrkOptions {
  readonly connections: number;
  readonly seconds: number;
  /** A new connection for each request. */
  readonly isShort?: boolean;
  /** Time that each connection rests between two requests. */
  readonly pauseMs?: number;
}

/** wrk, with one thread. It opens one connection at its start that has no request, to see whether the server is there. */
export function startWrk(
  t: TestContext,
  place: Place,
  url: string,
  { connections, seconds, isShort = false, pauseMs }: WrkOptions,
): Promise<RealProcess> {
  const script: string[] = [];
  if (pauseMs !== undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'tp-wrk-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'pause.lua');
    writeFileSync(file, `function delay() return ${pauseMs} end\n`);
    script.push('-s', file);
  }
  const header = isShort ? ['-H', 'Connection: close'] : [];
  const args = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, ...header, ...script, url];
  return startReal(t, place, debianCommand('wrk', ...args));
}

/** Requests that wrk had an answer to. */
export async function answeredTo(wrk: RealProcess): Promise<number> {
  assert.equal(await wrk.ended, 0, wrk.stderr());
  const answered = Number(/(\d+) requests in/.exec(wrk.stdout())?.[1]);
  assert.ok(answered > 0, wrk.stdout());
  return answered;
}

/** ab: a number of requests, each on a connection of its own. */
export function startAb(
  t: TestContext,
  place: Place,
  url: string,
  { requests, concurrency }: { readonly requests: number; readonly concurrency: number },
): Promise<RealProcess> {
  return startReal(
    t,
    place,
    debianCommand('ab', '-q', '-n', String(requests), '-c', String(concurrency), url),
  );
}

/** Waits until ab has had all its answers, and answers how many that were. */
export async function completedBy(ab: RealProcess): Promise<number> {
  assert.equal(await ab.ended, 0, `${ab.stdout()}${ab.stderr()}`);
  const read = (label: string): number =>
    Number(new RegExp(`^${label}: +(\\d+)`, 'm').exec(ab.stdout())?.[1]);
  assert.equal(read('Failed requests'), 0, ab.stdout());
  return read('Complete requests');
}

/**
 * curl: one process that opens a connection for each of a number of requests, one after the other.
 * @param perSecond how fast at most
 */
export function startCurl(
  t: TestContext,
  place: Place,
  url: string,
  { requests, perSecond }: { readonly requests: number; readonly perSecond?: number },
): Promise<RealProcess> {
  const separator = url.includes('?') ? '&' : '?';
  const rate = perSecond === undefined ? [] : ['--rate', `${perSecond}/s`];
  const args = ['-s', '-o', '/dev/null', '-w', '%{http_code}\\n', '-H', 'Connection: close', ...rate];
  return startReal(t, place, ['curl', ...args, `${url}${separator}request=[1-${requests}]`]);
}

/** Waits until curl has ended and answers how many of its requests were answered with 200. */
export async function answeredCurl(curl: RealProcess): Promise<number> {
  assert.equal(await curl.ended, 0, curl.stderr());
  return curl
    .stdout()
    .split('\n')
    .filter((line) => line === '200').length;
}
