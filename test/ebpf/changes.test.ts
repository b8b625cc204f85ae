/** Snapshots that hand over only what changed: taken together they say what one says that hands over everything. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import type { Tracker } from 'ebpf-bridge/ebpf';
import { createNamespace } from '../support/namespace.js';
import { startNodeProgram, type Program } from '../support/program.js';
import { loadOnRung, needsRung } from '../support/rung.js';
import { FollowedSockets } from './followed-sockets.js';
import { ebpfSkip } from './requirements.js';
import { SocketPlayground, type Move } from './socket-playground.js';

const CHURN = fileURLToPath(new URL('../../churn', import.meta.url));
/** Something else on this machine may open or close a socket at any time, and what is on its way comes a moment later. */
const ATTEMPTS = 200;
const RUNS = 12;
const SMALLEST_RING = 4096;
const FEW_PLACES = 64;

async function openTracker(t: TestContext, options = {}): Promise<Tracker> {
  const tracker = await loadOnRung(options);
  t.after(() => tracker.close());
  await tracker.sweepAdopt();
  return tracker;
}

async function end({ child }: Program): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Takes changes until all of them together are what another tracker says that is asked for everything. */
async function assertSame(
  changes: Tracker,
  whole: Tracker,
  known: FollowedSockets,
  isOwn: (socket: { localPort: number; remotePort: number; netns: number }) => boolean,
): Promise<void> {
  let [seen, truth]: string[][] = [[], []];
  for (let i = 0; i < ATTEMPTS; i++) {
    known.take(await changes.snapshot({ changesOnly: true }));
    seen = known.live(isOwn);
    const all = new FollowedSockets();
    all.take(await whole.snapshot());
    truth = all.live(isOwn);
    if (seen.join('\n') === truth.join('\n')) return;
  }
  assert.deepEqual(seen, truth);
}

test(
  'the first snapshot is whole, one after which nothing changed has nothing, and one that is to be whole is',
  { skip: ebpfSkip },
  async (t) => {
    const netns = createNamespace(t);
    const isOwn = (socket: { netns: number }): boolean => socket.netns === netns.inode;
    const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], netns.name);
    const tracker = await openTracker(t);
    await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine], netns.name);
    const first = await tracker.snapshot({ changesOnly: true });
    assert.equal(first.isWhole, true);
    let quiet = await tracker.snapshot({ changesOnly: true });
    for (let i = 0; i < ATTEMPTS && quiet.recordCount + quiet.gone.length > 0; i++)
      quiet = await tracker.snapshot({ changesOnly: true });
    assert.deepEqual([quiet.isWhole, quiet.recordCount, quiet.records.byteLength], [false, 0, 0]);
    assert.equal(quiet.gone.length, 0);

    const all = new FollowedSockets();
    const again = await tracker.snapshot();
    all.take(again);
    assert.deepEqual([again.isWhole, all.live(isOwn).length], [true, 3]);

    await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine], netns.name);
    const changed = new FollowedSockets();
    const more = await tracker.snapshot({ changesOnly: true });
    changed.take(more);
    assert.equal(more.isWhole, false);
    // Its two ends; of the three sockets of before the listener has not changed.
    assert.ok(
      !changed.live(isOwn).some((socket) => socket.includes('listener')),
      changed.live(isOwn).join('\n'),
    );
    assert.ok(changed.live(isOwn).length >= 2);
  },
);

test(
  'whatever sockets do, changes taken one after the other are what everything at once is',
  { skip: ebpfSkip || needsRung('sockets'), timeout: 300_000 },
  async (t) => {
    const [changes, whole] = [await openTracker(t), await openTracker(t)];
    const known = new FollowedSockets();
    known.take(await changes.snapshot());
    const move: fc.Arbitrary<Move> = fc.record({
      what: fc.constantFrom('listen', 'unlisten', 'open', 'open', 'send', 'send', 'end', 'reset', 'brief'),
      pick: fc.nat(1000),
      bytes: fc.integer({ min: 1, max: 5000 }),
    });
    const ticks = fc.array(fc.array(move, { maxLength: 12 }), { minLength: 1, maxLength: 6 });
    const property = fc.asyncProperty(ticks, async (plan) => {
      const playground = new SocketPlayground();
      try {
        await playground.make({ what: 'listen', pick: 0, bytes: 1 });
        for (const moves of plan) {
          for (const each of moves) await playground.make(each);
          await assertSame(changes, whole, known, ({ localPort, remotePort }) =>
            playground.isOwn(localPort, remotePort),
          );
        }
      } finally {
        await playground.close();
      }
      await assertSame(changes, whole, known, ({ localPort, remotePort }) =>
        playground.isOwn(localPort, remotePort),
      );
      const left = known.live(({ localPort, remotePort }) => playground.isOwn(localPort, remotePort));
      assert.deepEqual(left, []);
    });
    await fc.assert(property, { numRuns: RUNS, endOnFailure: true });
  },
);

test(
  'what ended in a full ring is handed over as ended, and changes go on after it',
  { skip: ebpfSkip || needsRung('sockets') },
  async (t) => {
    const netns = createNamespace(t);
    const isOwn = (socket: { netns: number }): boolean => socket.netns === netns.inode;
    const changes = await openTracker(t, { ringBytes: SMALLEST_RING, maxConnections: FEW_PLACES });
    const whole = await openTracker(t);
    const known = new FollowedSockets();
    const servers = [
      await startNodeProgram(t, 'echo-server', ['127.0.0.1'], netns.name),
      await startNodeProgram(t, 'echo-server', ['127.0.0.1'], netns.name),
    ] as const;
    const held: Program[] = [];
    for (const server of [servers[0], servers[0], servers[1]])
      held.push(await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine], netns.name));
    known.take(await changes.snapshot());
    await assertSame(changes, whole, known, isOwn);
    // While nobody reads the ring: two connections, and a listener with one, end among very many others.
    const script = `
      kill -STOP ${process.pid}
      kill -KILL ${held[0]!.pid} ${servers[1].pid}
      '${CHURN}' -s 1 -c 8
      kill -CONT ${process.pid}`;
    await promisify(execFile)('ip', ['netns', 'exec', netns.name, 'sh', '-c', `${script} & wait`]).finally(
      () => process.kill(process.pid, 'SIGCONT'),
    );
    const last = await changes.snapshot({ changesOnly: true });
    assert.ok(last.lost > 0, 'the ring was full');
    known.take(last);
    await assertSame(changes, whole, known, isOwn);
    assert.equal(known.live(isOwn).length, 3, known.live(isOwn).join('\n'));
    await end(held[1]!);
    await assertSame(changes, whole, known, isOwn);
  },
);

test(
  'a connection that is handed over live ends with a record, however little room there is',
  { skip: ebpfSkip || needsRung('sockets') },
  async (t) => {
    const netns = createNamespace(t);
    const isOwn = (socket: { netns: number }): boolean => socket.netns === netns.inode;
    const tracker = await openTracker(t, { maxConnectionsPerNetns: 3 });
    const known = new FollowedSockets();
    known.take(await tracker.snapshot());
    const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], netns.name);
    const held: Program[] = [];
    for (let i = 0; i < 4; i++)
      held.push(await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine], netns.name));
    known.take(await tracker.snapshot({ changesOnly: true }));
    const inDetail = known.live(isOwn).length;
    assert.ok(inDetail >= 2 && inDetail <= 4, String(inDetail));
    for (const program of held) await end(program);
    await end(server);
    for (let i = 0; i < ATTEMPTS && known.live(isOwn).length > 0; i++)
      known.take(await tracker.snapshot({ changesOnly: true }));
    assert.deepEqual(known.live(isOwn), []);
    assert.equal(known.closedOf(isOwn) >= inDetail - 1, true); // the listener has no record of its end
  },
);
