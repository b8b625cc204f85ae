/** The ledger: being behind the kernel's counters is loss, and stays loss. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { capturedPercent } from '../../src/probe/completeness.js';
import { parseTcpCounts, type TcpCounts } from '../../src/probe/connections/ebpf/kernel-counters.js';
import { Ledger } from '../../src/probe/connections/ebpf/ledger.js';
import type { Completeness } from '../../src/probe/records/source.js';

const NETNS = 4026531840;

const counts = (active: number, passive: number, established = 0): ReadonlyMap<number, TcpCounts> =>
  new Map([[NETNS, { active, passive, established }]]);

const NONE: ReadonlyMap<number, TcpCounts> = new Map();

/** One reading in which every namespace there is was looked at. @param seen since the last one */
const read = (
  ledger: Ledger,
  kernel: ReadonlyMap<number, TcpCounts>,
  seen: ReadonlyMap<number, TcpCounts>,
): Completeness => ledger.reconcile({ alive: kernel.keys(), kernel, seen });

test('what happened before the tracker does not count', () => {
  const ledger = new Ledger(counts(100, 200));
  const { opened, missed } = read(ledger, counts(103, 204), counts(3, 4));
  assert.deepEqual({ opened, missed }, { opened: 7, missed: 0 });
});

test('the tracker may be ahead, because it is read later', () => {
  const ledger = new Ledger(counts(0, 0));
  assert.equal(read(ledger, counts(10, 10), counts(12, 15)).missed, 0);
  assert.equal(read(ledger, counts(12, 15), NONE).missed, 0);
});

test('a loss stays counted when the tracker gets ahead again', () => {
  const ledger = new Ledger(counts(0, 0));
  assert.equal(read(ledger, counts(10, 0), counts(7, 0)).missed, 3);
  const later = read(ledger, counts(20, 0), counts(13, 0));
  assert.equal(later.missed, 3);
  assert.deepEqual(later.namespaces, [{ netns: NETNS, opened: 20, missed: 3 }]);
});

test('a namespace that is gone stays in the sums, and one with the same inode starts anew', () => {
  const ledger = new Ledger(new Map());
  read(ledger, counts(5, 5), counts(5, 5));
  assert.equal(read(ledger, counts(9, 5), counts(3, 0)).missed, 1);
  assert.deepEqual(read(ledger, new Map(), NONE).missed, 1);
  const again = read(ledger, counts(2, 0), counts(2, 0));
  assert.deepEqual([again.opened, again.missed], [16, 1]);
  const atOnce = read(ledger, counts(1, 0), counts(1, 0));
  assert.deepEqual([atOnce.opened, atOnce.missed], [17, 1], 'its successor came between two readings');
});

test('what neither a dead tracker nor its successor saw is missed', () => {
  const ledger = new Ledger(counts(0, 0));
  read(ledger, counts(10, 0), counts(10, 0));
  assert.equal(read(ledger, counts(18, 0), counts(3, 0)).missed, 5);
});

test('established sockets are unknown when they are so at two readings', () => {
  const ledger = new Ledger(counts(0, 0, 0));
  assert.equal(read(ledger, counts(0, 0, 9), counts(0, 0, 4)).unknownEstablished, 0);
  assert.equal(read(ledger, counts(0, 0, 7), counts(0, 0, 4)).unknownEstablished, 3);
});

test('a namespace that could not be looked at keeps its account', () => {
  const ledger = new Ledger(counts(0, 0));
  read(ledger, counts(10, 0), counts(8, 0));
  const unlooked = ledger.reconcile({ alive: [NETNS], kernel: NONE, seen: counts(5, 0) });
  assert.deepEqual([unlooked.opened, unlooked.missed], [10, 2]);
  const unlisted = ledger.reconcile({ kernel: NONE, seen: counts(1, 0) });
  assert.deepEqual([unlisted.opened, unlisted.missed], [10, 2]);
  assert.equal(read(ledger, counts(16, 0), NONE).missed, 2);
  assert.equal(read(ledger, counts(20, 0), counts(1, 0)).missed, 5);
});

test('of more namespaces than are looked at at once each is in its turn, and no account is lost', () => {
  const MOST = 3;
  const all = Array.from({ length: 10 }, (_, i) => ({ inode: i + 1, pid: i + 1 }));
  const ledger = new Ledger(new Map());
  const kernel = new Map(all.map(({ inode }) => [inode, { active: 0, passive: 0, established: 0 }]));
  const lookAt = (seen: ReadonlyMap<number, TcpCounts>): Completeness => {
    const chosen = ledger.choose(all, MOST);
    assert.equal(chosen.length, MOST);
    const looked = new Map(chosen.map(({ inode }) => [inode, kernel.get(inode)!]));
    return ledger.reconcile({ alive: kernel.keys(), kernel: looked, seen });
  };
  const turns = Math.ceil(all.length / MOST);
  for (let turn = 0; turn < turns; turn++) lookAt(NONE);
  // In each namespace ten connections, of which the tracker missed one.
  for (const { inode } of all) kernel.set(inode, { active: 10, passive: 0, established: 0 });
  lookAt(new Map(all.map(({ inode }) => [inode, { active: 9, passive: 0, established: 0 }])));
  let last = lookAt(NONE);
  for (let turn = 2; turn < turns; turn++) last = lookAt(NONE);
  assert.deepEqual([last.opened, last.missed], [100, 10]);
});

test('missed is never negative, never more than opened, and opened is what the kernel counted', () => {
  const step = fc.record({ kernel: fc.nat(50), seen: fc.nat(50) }, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const ledger = new Ledger(counts(0, 0));
      let kernel = 0;
      let seen = 0;
      const before = { seen: 0, missed: 0 };
      for (const each of steps) {
        kernel += each.kernel;
        seen = Math.min(kernel, seen + each.seen);
        const { opened, missed } = read(ledger, counts(kernel, 0), counts(seen - before.seen, 0));
        assert.equal(opened, kernel);
        assert.ok(missed >= before.missed && missed <= opened);
        assert.ok(missed >= kernel - seen);
        Object.assign(before, { seen, missed });
      }
    }),
  );
});

test('a hundred percent is said only when nothing was missed', () => {
  assert.equal(capturedPercent({ opened: 0, missed: 0 }), '100');
  assert.equal(capturedPercent({ opened: 1e9, missed: 1 }), '99.999');
  assert.equal(capturedPercent({ opened: 4, missed: 1 }), '75');
});

test('the kernel counts are read by the names of their columns', () => {
  const text = 'Ip: Forwarding\nIp: 1\nTcp: CurrEstab PassiveOpens ActiveOpens\nTcp: 3 2 1\nUdp: X\nUdp: 4\n';
  assert.deepEqual(parseTcpCounts(text), { active: 1, passive: 2, established: 3 });
});

test('any text is read without an error, and what is not counts is nothing', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (names, values) => {
      parseTcpCounts(`Tcp: ${names}\nTcp: ${values}\n`);
    }),
  );
  assert.equal(parseTcpCounts(''), undefined);
  assert.equal(parseTcpCounts('Tcp: ActiveOpens PassiveOpens CurrEstab\nTcp: 1 2\n'), undefined);
  assert.equal(parseTcpCounts('Tcp: ActiveOpens PassiveOpens CurrEstab\nTcp: 1 -2 3\n'), undefined);
});
