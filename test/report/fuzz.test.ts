/**
 * Mutated bodies: each is a report or gets a `ReportError`, nothing else; and what was taken for a report can be
 * sent on and is then the same. TOPOPROBE_FUZZ_BODIES sets how many (default 20,000), TOPOPROBE_FUZZ_SEED where to begin.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import {
  decodeReport,
  encodeReport,
  ReportError,
  reportFromJson,
  reportToJson,
} from '../../src/report/index.js';
import { toGoMsgpack } from './go-msgpack.js';
import { Dice, mutate } from './mutate-body.js';
import { sampleReport } from './sample-report.js';
import { SCOPE_REPORT } from './scope-report.js';

const bodies = Number(process.env['TOPOPROBE_FUZZ_BODIES'] ?? '20000');
const seed = Number(process.env['TOPOPROBE_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);

/** What is in one field only, so that mutants of it get further than those of a whole report. */
const pieces = Object.entries(SCOPE_REPORT).map(([key, value]) => toGoMsgpack({ TS: null, [key]: value }));

/** Growth of the heap, in bytes, that no mutant of a few kilobytes may cause. */
const HEAP_GROWTH_MAX = 256 * 1024 * 1024;

function fuzz(
  t: TestContext,
  donors: readonly Uint8Array[],
  count: number,
  read: (body: Buffer) => void,
): void {
  let refused = 0;
  const heapBefore = process.memoryUsage().heapUsed;
  let heapPeak = 0;
  let slowestMs = 0;
  for (let i = 0; i < count; i++) {
    const dice = new Dice(seed + i);
    const mutant = mutate(donors[i % donors.length]!, donors, dice);
    const startedAt = performance.now();
    try {
      read(mutant);
    } catch (error) {
      if (!(error instanceof ReportError)) {
        throw new Error(`seed ${seed + i}, body ${mutant.toString('base64')}`, { cause: error });
      }
      refused++;
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
    if (i % 1000 === 0) heapPeak = Math.max(heapPeak, process.memoryUsage().heapUsed);
  }
  const grownMib = (heapPeak - heapBefore) / 2 ** 20;
  t.diagnostic(
    `seed ${seed}: ${refused} of ${count} refused, slowest ${slowestMs.toFixed(1)} ms, heap grew by ${grownMib.toFixed(0)} MiB`,
  );
  assert.ok(
    refused > 0 && refused < count,
    `${refused} of ${count} refused: mutants are too tame or too wild`,
  );
  assert.ok(heapPeak - heapBefore < HEAP_GROWTH_MAX, `the heap grew by ${heapPeak - heapBefore} bytes`);
}

test(`${bodies} mutated MessagePack bodies: a report or a typed error`, (t) => {
  const donors = [toGoMsgpack(SCOPE_REPORT), encodeReport(sampleReport()), ...pieces];
  fuzz(t, donors, bodies, (body) => {
    const report = decodeReport(body);
    const again = encodeReport(report);
    assert.deepEqual(decodeReport(again), report);
    reportToJson(report);
  });
});

test(`${Math.ceil(bodies / 10)} mutated JSON bodies: a report or a typed error`, (t) => {
  const donors = [toGoMsgpack(SCOPE_REPORT), ...pieces].map((body) =>
    Buffer.from(reportToJson(decodeReport(body)).replaceAll(/"\w+":\{"nodes":\{\}\},?/g, '')),
  );
  fuzz(t, donors, Math.ceil(bodies / 10), (body) => {
    const report = reportFromJson(body.toString());
    const json = reportToJson(report);
    assert.equal(reportToJson(reportFromJson(json)), json);
    encodeReport(report);
  });
});
