/** Several client processes of one host with several workers of one server on another, a probe on each: the matrix is the truth's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHost, startProbe } from '../support/fleet.js';
import { answeredCurl, startCurl } from '../support/programs/load.js';
import { startNginx, tally } from '../support/programs/nginx.js';
import { edgesOfHost, needsFleet, startFleet } from './fleet-of.js';
import { clientEnd, countsBy, ends, serverEnd, sorted } from './rows.js';

const PORT = 8081;
const CLIENTS = ['0', '1', '2'] as const;
const WORKERS = 3;
/** So few that all client ports are stated, even if one worker has all connections. */
const FEW = 20;
const MANY = 1000;

for (const isReusePort of [false, true])
  test(
    `${CLIENTS.length} clients and ${WORKERS} workers ${isReusePort ? 'with' : 'without'} reuseport: pairs of few, and each process of many, have their counts`,
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
      /** By the value of `client` that it asks with. */
      const hosted = new Map<string, string>();
      const connect = async (requests: number): Promise<void> => {
        const clients = await Promise.all(
          CLIENTS.map(async (client) => {
            const name = `${client}-${requests}`;
            const curl = await startCurl(t, front, `http://${address}:${PORT}/?client=${name}`, { requests });
            hosted.set(name, `front;${curl.pid}`);
            return curl;
          }),
        );
        for (const client of clients) assert.equal(await answeredCurl(client), requests);
        await nginx.connectionsInTheEnd();
        await fleet.app.afterReports(2, front, back);
      };
      const truth = (keyOf: (client: string, worker: string) => string): readonly [string, number][] =>
        sorted(
          tally(nginx.connections(), ({ client, workerPid }) =>
            keyOf(hosted.get(client) ?? client, `back;${workerPid}`),
          ),
        );

      await connect(FEW);
      const few = await fleet.flows(PORT);
      const pairs = truth((client, worker) => `${client} > ${worker}`);
      assert.deepEqual(sorted(countsBy(few, ends)), pairs);
      assert.deepEqual(sorted(edgesOfHost(await fleet.edges('processes'), 'back')), pairs);
      assert.ok(few.every(({ sampled }) => sampled !== true));

      await connect(MANY);
      const many = await fleet.flows(PORT);
      assert.deepEqual(
        sorted(countsBy(many, clientEnd)),
        truth((client) => client),
      );
      assert.deepEqual(
        sorted(countsBy(many, serverEnd)),
        truth((_, worker) => worker),
      );
    },
  );
