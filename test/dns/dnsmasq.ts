/** A real DNS server on loopback for one test: Debian's dnsmasq with its own configuration. */
import { createSocket } from 'node:dgram';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { encode } from 'dns-packet';

const DNSMASQ = '/usr/sbin/dnsmasq';

export interface Dnsmasq {
  readonly port: number;
  /** As `--dns-server` takes it. */
  readonly server: string;
  /** Names that were asked for, in order. */
  asked(): string[];
}

/** @param records lines of dnsmasq's configuration, such as `ptr-record=1.2.0.192.in-addr.arpa,name` */
export async function startDnsmasq(t: TestContext, records: readonly string[]): Promise<Dnsmasq> {
  const folder = mkdtempSync(join(tmpdir(), 'topoprobe-dns-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  // Between finding a port and using it somebody else may take it.
  for (let attempt = 0; ; attempt++) {
    const port = await freePort();
    const child = start(folder, port, records);
    const exited = once(child, 'exit');
    const stop = async (): Promise<void> => {
      child.kill('SIGKILL');
      await exited;
    };
    if (await answers(port, exited)) {
      t.after(stop);
      return {
        port,
        server: `127.0.0.1:${port}`,
        asked: () =>
          [...readFileSync(join(folder, 'log'), 'utf8').matchAll(/query\[PTR\] (\S+) from/g)]
            .map((match) => match[1]!)
            .filter((name) => name !== 'ready.in-addr.arpa'),
      };
    }
    await stop();
    if (attempt === 5) throw new Error(`${DNSMASQ} does not start; see ${folder}/log`);
  }
}

function start(folder: string, port: number, records: readonly string[]): ChildProcess {
  const settings = [
    `port=${port}`,
    'listen-address=127.0.0.1',
    'bind-interfaces',
    'no-resolv',
    'no-hosts',
    'user=root',
    'log-queries',
    `log-facility=${join(folder, 'log')}`,
    // Never another server: what is not configured does not exist.
    'local=/in-addr.arpa/ip6.arpa/',
    ...records,
  ];
  writeFileSync(join(folder, 'conf'), `${settings.join('\n')}\n`);
  return spawn(DNSMASQ, ['--keep-in-foreground', `--conf-file=${join(folder, 'conf')}`, '--pid-file='], {
    stdio: 'ignore',
  });
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Whether anything at all comes back from the port before the server has ended. */
async function answers(port: number, ended: Promise<unknown>): Promise<boolean> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const question = encode({ type: 'query', id: 1, questions: [{ type: 'PTR', name: 'ready.in-addr.arpa' }] });
  const timer = setInterval(() => {
    socket.send(question, port, '127.0.0.1');
  }, 20);
  const isUp = await Promise.race([once(socket, 'message').then(() => true), ended.then(() => false)]);
  clearInterval(timer);
  socket.close();
  return isUp;
}
