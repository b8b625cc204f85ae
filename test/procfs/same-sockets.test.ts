/** Netlink and the text in /proc tell the same sockets, and whoever may not ask by netlink reads the text. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { createProcfsSource } from '../../src/probe/connections/procfs/index.js';
import { SocketReader, type Sockets } from '../../src/probe/connections/procfs/socket-dump.js';
import { addressText } from '../../src/probe/records/address.js';
import { OFFSET, RECORD } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import { createNamespace, type Namespace } from '../support/namespace.js';
import { programPath, startNodeProgram, startProgram } from '../support/program.js';

const rootSkip = process.getuid?.() === 0 ? false : 'needs root: makes network namespaces';
const ALL_STATES = 0xfff;

/** Sockets of every kind that can be held still. */
const SOCKETS = `
import socket, sys
def server(family, address):
    s = socket.socket(family); s.bind((address, 0)); s.listen(); return s
kept = []
for family, listen, dial in [
    (socket.AF_INET, '127.0.0.1', '127.0.0.1'), (socket.AF_INET6, '::1', '::1'),
    (socket.AF_INET6, '::', '::ffff:127.0.0.1'), (socket.AF_INET, '0.0.0.0', '127.8.8.8')]:
    s = server(family, listen); kept.append(s)
    for what in ('established', 'half-closed', 'time-wait'):
        c = socket.socket(family); c.connect((dial, s.getsockname()[1])); a, _ = s.accept()
        if what == 'half-closed': c.shutdown(socket.SHUT_WR)
        if what == 'time-wait': c.close(); a.recv(1); a.close()
        else: kept += [c, a]
print('up', flush=True)
sys.stdin.read()
`;

/** Of these: listeners, and two sockets of each connection that is not closed. */
const HELD = 4 + 4 * 2 * 2;

function linesOf(sockets: Sockets | undefined, states = ALL_STATES): string[] {
  assert.ok(sockets !== undefined);
  const lines: string[] = [];
  const malformed = sockets.each(states, ({ local, localPort, remote, remotePort, state, inode }) => {
    lines.push(
      `${addressText(local, 0)} ${localPort} ${addressText(remote, 0)} ${remotePort} ${state} ${inode}`,
    );
  });
  assert.equal(malformed, 0);
  return lines.sort();
}

async function populate(t: TestContext): Promise<{ netns: Namespace; pid: number }> {
  const netns = createNamespace(t);
  const { pid } = await startProgram(t, ['ip', 'netns', 'exec', netns.name, 'python3', '-c', SOCKETS]);
  return { netns, pid };
}

test('every socket of every state and family is the same in both', { skip: rootSkip }, async (t) => {
  const { netns, pid } = await populate(t);
  const read = (textOnly: boolean): Promise<Sockets | undefined> =>
    new SocketReader('/proc', textOnly).read(netns.inode, [pid], ALL_STATES);
  let [diag, text, after] = [await read(false), await read(true), await read(false)];
  // A connection may still be closing: the text counts when nothing changed around it.
  while (linesOf(diag).join() !== linesOf(after).join())
    [diag, text, after] = [after, await read(true), await read(false)];
  assert.deepEqual([diag?.source, text?.source], ['diag', 'text']);
  assert.deepEqual(linesOf(diag), linesOf(text));
  const states = new Set(linesOf(diag).map((line) => Number(line.split(' ')[4])));
  for (const state of [
    TcpState.Established,
    TcpState.Listen,
    TcpState.FinWait2,
    TcpState.CloseWait,
    TcpState.TimeWait,
  ])
    assert.ok(states.has(state), `state ${state}`);
});

test('only the states that are asked for come from the kernel', { skip: rootSkip }, async (t) => {
  const { netns, pid } = await populate(t);
  const listening = 1 << TcpState.Listen;
  const sockets = await new SocketReader('/proc', false).read(netns.inode, [pid], listening);
  assert.deepEqual(linesOf(sockets), linesOf(sockets, listening));
  assert.equal(linesOf(sockets).length, 4);
});

test('scans by netlink and by text give the same records', { skip: rootSkip }, async (t) => {
  const { netns } = await populate(t);
  const recordsOf = async (textOnly: boolean): Promise<string[]> => {
    const source = await createProcfsSource({ textOnly });
    t.after(() => source.close());
    let found: string[] = [];
    // Connections that are closed may take a moment to be gone.
    while (found.length !== HELD) {
      const { records, recordCount } = await source.snapshot();
      found = [];
      for (let at = 0; at < recordCount * RECORD.bytes; at += RECORD.bytes) {
        if (new DataView(records).getUint32(at + OFFSET.netns, true) !== netns.inode) continue;
        found.push(Buffer.from(records, at, RECORD.bytes).toString('hex'));
      }
    }
    assert.equal((source.counters()['diagNamespaces'] ?? 0) > 0, !textOnly);
    return found.sort();
  };
  assert.deepEqual(await recordsOf(false), await recordsOf(true));
});

test(
  'when the first process of a namespace has gone the next one is asked',
  { skip: rootSkip },
  async (t) => {
    const { netns, pid } = await populate(t);
    const gone = spawn('true');
    await once(gone, 'exit');
    const sockets = await new SocketReader('/proc', false).read(
      netns.inode,
      [gone.pid ?? 0, pid],
      ALL_STATES,
    );
    assert.equal(sockets?.source, 'diag');
    assert.ok(linesOf(sockets).length >= 20);
    assert.equal(
      await new SocketReader('/proc', false).read(netns.inode, [gone.pid ?? 0], ALL_STATES),
      undefined,
    );
  },
);

test('an ordinary user asks by netlink in the own namespace', { skip: rootSkip }, async (t) => {
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  const child = spawn(process.execPath, [programPath('procfs-self'), server.firstLine], {
    uid: 65534,
    gid: 65534,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  await once(child, 'close');
  const { pid, edges, counters } = JSON.parse(Buffer.concat(output).toString()) as {
    pid: number;
    edges: { fromPid?: string }[];
    counters: Record<string, number>;
  };
  assert.deepEqual(
    edges.map(({ fromPid }) => fromPid),
    [String(pid)],
  );
  assert.equal(counters['diagNamespaces'], counters['namespaces']);
});

test('an ordinary user reads the text of own processes elsewhere', { skip: rootSkip }, async (t) => {
  const netns = createNamespace(t);
  const enter = ['ip', 'netns', 'exec', netns.name, 'setpriv', '--reuid', '65534', '--clear-groups'];
  const server = await startProgram(t, [
    ...enter,
    process.execPath,
    programPath('echo-server'),
    '127.0.0.1',
    '0',
  ]);
  const reading = `
import { SocketReader } from ${JSON.stringify(new URL('../../src/probe/connections/procfs/socket-dump.js', import.meta.url).href)};
const sockets = await new SocketReader('/proc', false).read(${netns.inode}, [${server.pid}], ${ALL_STATES});
let count = 0;
sockets?.each(${ALL_STATES}, () => count++);
process.stdout.write(sockets?.source + ' ' + count + '\\n');`;
  const reader = await startProgram(t, [
    ...enter.slice(4),
    process.execPath,
    '--input-type=module',
    '-e',
    reading,
  ]).catch((error: unknown) => error);
  assert.equal((reader as { firstLine?: string }).firstLine, 'text 1');
});
