/** A tick that fails after its records were taken: its closed ends count as missed, live ends are reported later. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { openSource } from '../../src/probe/open-connections.js';
import { Probe } from '../../src/probe/probe.js';
import type { CreatePipelineOptions } from '../../src/probe/create-pipeline.js';
import { Ticks } from '../../src/probe/self/index.js';
import { hostNodeId } from '../../src/report/index.js';
import type { ReportMark } from '../../src/flows/stated.js';
import type { Report } from '../../src/report/model/model.js';
import { until } from '../publish/shipping.js';
import { createNamespace } from '../support/namespace.js';
import { startNodeProgram } from '../support/program.js';
import { WatchedSource } from '../support/watched-source.js';
import { ebpfSkip } from './requirements.js';

const CONNECTIONS = 40;
/** Ends that wait for their other end do so for one tick. */
const TICKS_TO_SETTLE = 3;

/** Where a tick can fail once its records are taken. */
const FAULTS: Record<string, (fail: () => void) => Partial<CreatePipelineOptions>> = {
  'while facts are gathered': (fail) => ({
    degradations: () => {
      fail();
      return [];
    },
  }),
  'while records are taken in': (fail) => ({
    sharedAddresses: () => {
      fail();
      return [];
    },
  }),
};

for (const [where, optionsOf] of Object.entries(FAULTS)) {
  test(
    `ticks that fail ${where} are missed in the ledger, and nothing else is`,
    { skip: ebpfSkip },
    async (t) => {
      const { name, inode } = createNamespace(t);
      const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], name);
      const { source, seeded } = await openSource('ebpf', { procRoot: '/proc' });
      t.after(() => source.close());
      await seeded;
      const reports: Report[] = [];
      const ticks = new Ticks();
      let isBroken = false;
      const fail = (): void => {
        if (isBroken) throw new Error('this tick fails');
      };
      const { pipeline, state } = new WatchedSource(source, optionsOf(fail));
      let mark: ReportMark | undefined;
      const probe = new Probe({
        pipeline,
        publishIntervalMs: 20,
        onState: () => {
          const made = state.reportSince(mark);
          reports.push(made.report);
          ({ mark } = made);
        },
        ticks,
        log: pino({ level: 'silent' }),
      });
      t.after(() => probe.stop());
      probe.start();
      await until('a first report', () => reports.length > 0);

      isBroken = true;
      const held = await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine], name);
      await startNodeProgram(t, 'short-connections', ['127.0.0.1', server.firstLine, CONNECTIONS], name);
      const { failed } = ticks.counters;
      await until('all was taken', () => ticks.counters.failed >= failed + TICKS_TO_SETTLE);
      isBroken = false;
      const before = reports.length;
      await until('reports are made again', () => reports.length > before + 1);
      await startNodeProgram(t, 'short-connections', ['127.0.0.1', server.firstLine, CONNECTIONS], name);
      const later = reports.length;
      await until('a report after that', () => reports.length > later + TICKS_TO_SETTLE);

      const fact = (report: Report | undefined, key: string): string =>
        report?.topologies.get('Host')?.nodes.get(hostNodeId('vm'))?.latest?.get(key)?.value ?? '';
      const missed = 2 * CONNECTIONS;
      const missedHere = fact(reports.at(-1), 'missed_by_netns')
        .split(' ')
        .find((one) => one.startsWith(`${inode}=`));
      // One held connection, and as many short ones again after the fault: two ends each.
      assert.equal(missedHere, `${inode}=${missed}/${2 * missed + 2}`);
      assert.ok(
        Number(fact(reports[before], 'records_lost')) >= missed,
        'reported with the first report after it',
      );
      assert.equal(fact(reports.at(-1), 'records_lost'), '0');
      const isNew = reports.filter((report) => {
        const nodes = report.topologies.get('Endpoint')?.nodes.values() ?? [];
        return [...nodes].some(
          ({ id, latest, adjacency }) =>
            id.endsWith(`;127.0.0.1;${held.firstLine}`) &&
            id.includes(String(inode)) &&
            (adjacency?.length ?? 0) > 0 &&
            latest?.get('conn_new')?.value !== '0',
        );
      });
      assert.equal(isNew.length, 1, 'what lived through it is new in one report');
    },
  );
}
