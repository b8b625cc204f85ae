/** The ledger: being behind the kernel's counters is loss, and stays loss. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { capturedPercent } from '../../src/probe/completeness.js';
import { parseTcpCounts, type TcpCounts } from '../../src/probe/connections/ebpf/kernel-counters.js';
import { Ledger } from '../../src/probe/connections/ebpf/ledger.js';

const NETNS = 4026531840;

const counts = (active: number, passive: number, established = 0): ReadonlyMap<number, TcpCounts> =>
  new Map([[NETNS, { active, passive, established }]]);

test('what happened before the tracker does not count', () => {
  const ledger = new Ledger(counts(100, 200));
  const { opened, missed } = ledger.reconcile(counts(103, 204), counts(3, 4));
  assert.deepEqual({ opened, missed }, { opened: 7, missed: 0 });
});

test('the tracker may be ahead, because it is read later', () => {
  const ledger = new Ledger(counts(0, 0));
  assert.equal(ledger.reconcile(counts(10, 10), counts(12, 15)).missed, 0);
});

test('a loss stays counted when the tracker gets ahead again', () => {
  const ledger = new Ledger(counts(0, 0));
  assert.equal(ledger.reconcile(counts(10, 0), counts(7, 0)).missed, 3);
  const later = ledger.reconcile(counts(20, 0), counts(20, 0));
  assert.equal(later.missed, 3);
  assert.deepEqual(later.namespaces, [{ netns: NETNS, opened: 20, missed: 3 }]);
});

test('a namespace that is gone stays in the sums, and one with the same inode starts anew', () => {
  const ledger = new Ledger(new Map());
  ledger.reconcile(counts(5, 5), counts(5, 5));
  assert.equal(ledger.reconcile(counts(9, 5), counts(8, 5)).missed, 1);
  assert.deepEqual(ledger.reconcile(new Map(), new Map()).missed, 1);
  const again = ledger.reconcile(counts(2, 0), counts(10, 5));
  assert.equal(again.missed, 1);
});

test('what neither the dead tracker nor the next one saw is missed', () => {
  const ledger = new Ledger(counts(0, 0));
  ledger.reconcile(counts(10, 0), counts(10, 0));
  ledger.trackerReplaced();
  assert.equal(ledger.reconcile(counts(18, 0), counts(3, 0)).missed, 5);
});

test('established sockets are unknown when they are so at two readings', () => {
  const ledger = new Ledger(counts(0, 0, 0));
  assert.equal(ledger.reconcile(counts(0, 0, 9), counts(0, 0, 4)).unknownEstablished, 0);
  assert.equal(ledger.reconcile(counts(0, 0, 7), counts(0, 0, 4)).unknownEstablished, 3);
});

test('missed is never negative, never more than opened, and opened is what the kernel counted', () => {
  const step = fc.record({ kernel: fc.nat(50), seen: fc.nat(50) }, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const ledger = new Ledger(counts(0, 0));
      let kernel = 0;
      let seen = 0;
      let before = 0;
      for (const each of steps) {
        kernel += each.kernel;
        seen = Math.min(kernel, seen + each.seen);
        const { opened, missed } = ledger.reconcile(counts(kernel, 0), counts(seen, 0));
        assert.equal(opened, kernel);
        assert.ok(missed >= before && missed <= opened);
        assert.ok(missed >= kernel - seen);
        before = missed;
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
