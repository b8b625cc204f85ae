/** The eBPF source is replaced when it dies, and given up when it dies again; connections keep coming either way. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { FailoverSource } from '../../src/probe/connections/failover-source.js';
import { openSource } from '../../src/probe/open-connections.js';
import type { ConnectionSource, Snapshot } from '../../src/probe/records/source.js';
import { OFFSET, RECORD } from '../../src/probe/records/layout.js';
import { createNamespace } from '../support/namespace.js';
import { startNodeProgram } from '../support/program.js';
import { countSockets } from '../support/socket-records.js';
import { needsRung, rung, startEbpf } from '../support/rung.js';
import { ebpfSkip } from './requirements.js';

/**
 * Closes the descriptors that keep this process's BPF programs attached: the kernel detaches them. Their numbers are
 * taken again, so that whoever closes them a second time closes nothing of somebody else.
 */
function detachPrograms(t: TestContext): void {
  const links = readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:bpf_link';
    } catch {
      return false;
    }
  });
  assert.ok(links.length >= 2, 'programs are attached');
  for (const fd of links) closeSync(Number(fd));
  const placeholders = links.map(() => openSync('/dev/null', 'r'));
  t.diagnostic(`descriptors ${links.join(', ')} closed, now ${placeholders.join(', ')}`);
}

function portsOf({ records, recordCount }: Snapshot): Set<number> {
  const view = new DataView(records);
  const at = (i: number): number => view.getUint16(i * RECORD.bytes + OFFSET.remotePort, true);
  return new Set(Array.from({ length: recordCount }, (_, i) => at(i)));
}

test(
  'a source that dies is replaced, and after a second death /proc is read',
  { skip: ebpfSkip || needsRung('sockets') },
  async (t) => {
    const said: string[] = [];
    const opened = await openSource('ebpf', {
      procRoot: '/proc',
      rung,
      warn: (message) => said.push(message),
    });
    const source: ConnectionSource = opened.source;
    t.after(() => source.close());
    await opened.seeded;
    const { name, inode } = createNamespace(t);
    const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], name);
    await source.snapshot();

    detachPrograms(t);
    const lost = 7;
    await startNodeProgram(t, 'short-connections', ['127.0.0.1', server.firstLine, lost], name);
    await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine], name);
    const replaced = await source.snapshot();
    assert.equal(source.kind, 'ebpf');
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', /died and was started again: .*detached/);
    assert.ok(
      portsOf(replaced).has(Number(server.firstLine)),
      'the connection that lives is in this very snapshot',
    );
    // What came and went meanwhile is gone, and known to be: both ends of each, and those of the one that lives.
    const missed = replaced.completeness?.namespaces.find(({ netns }) => netns === inode)?.missed;
    assert.equal(missed, (lost + 1) * 2);

    await startNodeProgram(t, 'short-connections', ['127.0.0.1', server.firstLine, 5], name);
    assert.ok(portsOf(await source.snapshot()).has(Number(server.firstLine)));

    detachPrograms(t);
    const fallenBack = await source.snapshot();
    assert.equal(source.kind, 'procfs');
    assert.equal(said.length, 2);
    assert.match(said[1] ?? '', /given up.*twice/);
    assert.ok(portsOf(fallenBack).has(Number(server.firstLine)));
    assert.equal(source.counters()['sourceRestarts'], 1);
    assert.equal(source.counters()['sourceFallbacks'], 1);
  },
);

/** Takes every descriptor this process may still have. Returns how to give them back. */
function takeAllDescriptors(): () => void {
  const limit = (soft: string): void => {
    execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${soft}:`]);
  };
  const softLimit = execFileSync('prlimit', ['--noheadings', '--output=SOFT', '--nofile'], {
    encoding: 'utf8',
  }).trim();
  const inUse = readdirSync('/proc/self/fd').map(Number);
  limit(String(Math.max(...inUse) + 20));
  const taken: number[] = [];
  for (;;) {
    try {
      taken.push(openSync('/dev/null', 'r'));
    } catch {
      break;
    }
  }
  return () => {
    for (const fd of taken.splice(0)) closeSync(fd);
    limit(softLimit);
  };
}

test(
  'a pass over live sockets that fails is a death, and that very tick is made by a new source',
  { skip: ebpfSkip || needsRung('sockets') },
  async (t) => {
    const netns = createNamespace(t);
    const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], netns.name);
    await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine], netns.name);
    const first = await startEbpf();
    await first.seeded();
    const said: string[] = [];
    let giveBack = (): void => undefined;
    const source = new FailoverSource(first, {
      openEbpf: async () => {
        giveBack();
        const next = await startEbpf({ ledger: first.ledger });
        return { source: next, seeded: next.seeded() };
      },
      openProcfs: () => assert.fail('one death is no reason to give up'),
      warn: (message) => said.push(message),
    });
    t.after(() => source.close());
    await source.snapshot();
    giveBack = takeAllDescriptors();
    const snapshot = await source.snapshot().finally(giveBack);
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', /died and was started again: .*start iterator scan_/);
    assert.equal(countSockets(snapshot, netns.inode).live, 2);
    assert.equal(
      snapshot.completeness?.namespaces.find(({ netns: inode }) => inode === netns.inode),
      undefined,
    );
  },
);
