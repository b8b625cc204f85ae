/** A real nginx before the app for one test, on a free port of 127.0.0.1, ended with the test. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.js';
import { debianCommand, needsPrograms } from './debian.js';

/** A test's `skip`. */
export const needsNginx: string | false = needsPrograms('nginx');

const STARTS_WITHIN_MS = 20_000;

/**
 * Starts it and answers its port.
 * @param serving what its `http` block has, for the port it is to listen on
 */
export async function startNginx(t: TestContext, serving: (port: number) => string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'nginx-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const config = [
    'daemon off; master_process off; pid nginx.pid;',
    'events {}',
    `http { access_log off; ${temporary.map((kind) => `${kind}_temp_path ${kind};`).join(' ')}`,
    serving(port),
    '}',
  ];
  writeFileSync(join(folder, 'nginx.conf'), config.join('\n'));
  const [file = '', ...args] = debianCommand('nginx', '-p', folder, '-c', 'nginx.conf', '-e', 'stderr');
  const child = spawn(file, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  const said = text(child.stderr);
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const giveUpAt = performance.now() + STARTS_WITHIN_MS;
  while (!(await isOpen(port))) {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${await said}`);
    if (performance.now() > giveUpAt) throw new Error('nginx does not listen');
    await sleep(20);
  }
  return port;
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
