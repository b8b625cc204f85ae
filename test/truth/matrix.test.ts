/** Several client processes of one host with several workers of one server on another, a probe on each: the matrix is the truth's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHost, startProbe } from '../support/fleet.js';
import { answeredCurl, startCurl } from '../support/programs/load.js';
import { startNginx, tally } from '../support/programs/nginx.js';
import { edgesOfHost, needsFleet, startFleet } from './fleet-of.js';
import { countsBy, sorted } from './rows.js';

const PORT = 8081;
const CLIENTS = ['0', '1', '2'] as const;
const WORKERS = 3;
/** So few that all client ports are stated, even if one worker has all connections. */
const FEW = 20;
const MANY = 1000;

for (const isReusePort of [false, true])
  for (const requests of [FEW, MANY])
    test(
      `${CLIENTS.length} clients with ${requests} connections each, ${WORKERS} workers ${isReusePort ? 'with' : 'without'} reuseport`,
      { skip: needsFleet('nginx') },
      async (t) => {
        const fleet = await startFleet(t);
        const [front, back] = [await createHost(t, 'front'), await createHost(t, 'back')];
        const [, address] = [fleet.lan.plug(front), fleet.lan.plug(back)];
        const nginx = await startNginx(t, back, {
          listen: [`${address}:${PORT}`],
          workers: WORKERS,
          isReusePort,
        });
        for (const host of [front, back]) await startProbe(t, host, [fleet.app.url]);
        await fleet.app.afterReports(1, front, back);
        const clients = await Promise.all(
          CLIENTS.map((client) =>
            startCurl(t, front, `http://${address}:${PORT}/?client=${client}`, { requests }),
          ),
        );
        for (const client of clients) assert.equal(await answeredCurl(client), requests);
        const connections = await nginx.connectionsInTheEnd();
        await fleet.app.afterReports(2, front, back);

        const clientOf = (client: string): string => `front;${clients[Number(client)]?.pid}`;
        const byWorker = sorted(tally(connections, ({ workerPid }) => `back;${workerPid}`));
        const byClient = sorted(tally(connections, ({ client }) => clientOf(client)));
        const rows = await fleet.flows(PORT);
        assert.deepEqual(sorted(countsBy(rows, ({ client }) => `${client.host};${client.pid}`)), byClient);
        assert.deepEqual(sorted(countsBy(rows, ({ server }) => `${server.host};${server.pid}`)), byWorker);
        if (requests !== FEW) return;
        const truth = sorted(
          tally(connections, ({ client, workerPid }) => `${clientOf(client)} > back;${workerPid}`),
        );
        assert.deepEqual(
          sorted(
            countsBy(
              rows,
              ({ client, server }) => `${client.host};${client.pid} > ${server.host};${server.pid}`,
            ),
          ),
          truth,
        );
        assert.deepEqual(sorted(edgesOfHost(await fleet.edges('processes'), 'back')), truth);
        assert.ok(rows.every(({ sampled }) => sampled !== true));
      },
    );
