/** The reader of the ring: each record once, whole, wherever in the ring it lies. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TrackerOptions } from 'ebpf-bridge/ebpf';
import { createNamespace } from '../support/namespace.js';
import { countSockets } from '../support/socket-records.js';
import { loadOnRung } from '../support/rung.js';
import { ebpfSkip } from './requirements.js';

const CHURN = fileURLToPath(new URL('../../churn', import.meta.url));
const PAYLOAD = 64;

for (const [what, options, rounds, connections] of [
  ['that wraps around the end of a small ring', { ringBytes: 65_536 }, 30, 40],
  ['of which more wait than are mapped at a time', {}, 2, 2500],
] as const satisfies (readonly [string, TrackerOptions, number, number])[]) {
  test(`nothing is lost or reported twice ${what}`, { skip: ebpfSkip }, async (t) => {
    const { name, inode } = createNamespace(t);
    const tracker = await loadOnRung(options);
    t.after(() => tracker.close());
    await tracker.snapshot();
    for (let round = 0; round < rounds; round++) {
      const churn = [CHURN, '-n', String(connections), '-c', '1'];
      await promisify(execFile)('ip', ['netns', 'exec', name, ...churn]);
      const ends = 2 * connections;
      const bytes = ends * PAYLOAD;
      assert.deepEqual(countSockets(await tracker.snapshot(), inode), {
        live: 0,
        closed: ends,
        bytesSent: bytes,
        bytesReceived: bytes,
      });
    }
    assert.equal((await tracker.counters()).lostRing, 0);
  });
}
