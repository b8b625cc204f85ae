/** Two nginx with workers, a wrk for each: connections are those of the pair of processes that had them, and none is crosswise. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edgesTo } from '../support/edges.js';
import { createHost } from '../support/fleet.js';
import { answeredTo, startWrk } from '../support/programs/load.js';
import { startNginx, tally } from '../support/programs/nginx.js';
import { reportWhile } from '../support/report-while.js';
import { needsFleet } from './fleet-of.js';
import { countsBy, pids, rowsOfReport, sorted, towards } from './rows.js';

/** By port: whether each request has a connection of its own. */
const SERVERS = [
  { port: 8081, isShort: true },
  { port: 8082, isShort: true },
  { port: 8083, isShort: false },
  { port: 8084, isShort: false },
] as const;

test(
  'pairs of processes have their own counts in a report, of connections that are short and that stay',
  {
    skip: needsFleet('nginx', 'wrk'),
  },
  async (t) => {
    const host = await createHost(t, 'machine');
    const servers = await Promise.all(
      SERVERS.map(({ port }) => startNginx(t, host, { listen: [`127.0.0.1:${port}`], workers: 2 })),
    );
    const truth = new Map<string, number>();
    const report = await reportWhile(
      t,
      async () => {
        const clients = await Promise.all(
          SERVERS.map(({ port, isShort }) =>
            startWrk(t, host, `http://127.0.0.1:${port}/`, { connections: 10, seconds: 1, isShort }),
          ),
        );
        await Promise.all(clients.map(answeredTo));
        for (const [i, server] of servers.entries()) {
          const byWorker = tally(
            await server.connectionsInTheEnd(),
            ({ workerPid }) => `${clients[i]?.pid} > ${workerPid}`,
          );
          for (const [pair, count] of byWorker) truth.set(pair, count);
        }
      },
      { duration: '8s', within: host.enter },
    );
    const ports = SERVERS.map(({ port }) => port);
    const rows = rowsOfReport(report).filter(towards(...ports));
    assert.deepEqual(sorted(countsBy(rows, pids)), sorted(truth));
    assert.deepEqual(sorted(countsBy(rows, pids, ({ opened }) => opened)), sorted(truth));
    // In Scope's form, too, each client's endpoint has one process and one server.
    const pairs = new Map<string, number>();
    for (const { fromPid, toPid, connections } of ports.flatMap((port) => edgesTo(report, port))) {
      const pair = `${fromPid ?? '?'} > ${toPid ?? '?'}`;
      pairs.set(pair, (pairs.get(pair) ?? 0) + connections);
    }
    assert.deepEqual(sorted(pairs), sorted(truth));
  },
);
