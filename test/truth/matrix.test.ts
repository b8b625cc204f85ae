/** Several client processes of one host with several workers of one server on another, a probe on each: the matrix is the truth's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHost, startProbe } from '../support/fleet.js';
import { answeredCurl, startCurl } from '../support/programs/load.js';
import { startNginx, tally, type Nginx } from '../support/programs/nginx.js';
import { edgesOfHost, needsFleet, startFleet } from './fleet-of.js';
import { clientEnd, countsBy, ends, serverEnd, sorted } from './rows.js';

/** Without reuseport and with it. */
const PORTS = [8081, 8082] as const;
const CLIENTS = ['0', '1', '2'] as const;
const WORKERS = 3;
/** So few that all client ports are stated, even if one worker has all connections. */
const FEW = 20;
const MANY = 1000;

test(
  'of clients and workers on two hosts, pairs of few connections and each process of many have their counts',
  { skip: needsFleet('nginx') },
  async (t) => {
    const fleet = await startFleet(t);
    const [front, back] = [await createHost(t, 'front'), await createHost(t, 'back')];
    const [, address] = [fleet.lan.plug(front), fleet.lan.plug(back)];
    const servers = await Promise.all(
      PORTS.map((port, i) =>
        startNginx(t, back, { listen: [`${address}:${port}`], workers: WORKERS, isReusePort: i === 1 }),
      ),
    );
    for (const host of [front, back]) await startProbe(t, host, [fleet.app.url]);
    await fleet.app.afterReports(1, front, back);
    /** By the value of `client` that it asks with. */
    const hosted = new Map<string, string>();
    const connect = async (requests: number): Promise<void> => {
      for (const port of PORTS) {
        const clients = await Promise.all(
          CLIENTS.map(async (client) => {
            const own = `${port}-${client}-${requests}`;
            const curl = await startCurl(t, front, `http://${address}:${port}/?client=${own}`, { requests });
            hosted.set(own, `front;${curl.pid}`);
            return curl;
          }),
        );
        for (const client of clients) assert.equal(await answeredCurl(client), requests);
      }
      for (const server of servers) await server.connectionsInTheEnd();
      await fleet.app.afterReports(2, front, back);
    };
    const truth = (
      server: Nginx,
      keyOf: (client: string, worker: string) => string,
    ): readonly [string, number][] =>
      sorted(
        tally(server.connections(), ({ client, workerPid }) =>
          keyOf(hosted.get(client) ?? client, `back;${workerPid}`),
        ),
      );

    await connect(FEW);
    const edges = edgesOfHost(await fleet.edges('processes'), 'back');
    for (const [i, server] of servers.entries()) {
      const rows = await fleet.flows(PORTS[i]!);
      const pairs = truth(server, (client, worker) => `${client} > ${worker}`);
      assert.deepEqual(sorted(countsBy(rows, ends)), pairs);
      for (const [pair, count] of pairs) assert.equal(edges.get(pair), count, pair);
      assert.ok(rows.every(({ sampled }) => sampled !== true));
    }

    await connect(MANY);
    for (const [i, server] of servers.entries()) {
      const rows = await fleet.flows(PORTS[i]!);
      assert.deepEqual(
        sorted(countsBy(rows, clientEnd)),
        truth(server, (client) => client),
      );
      assert.deepEqual(
        sorted(countsBy(rows, serverEnd)),
        truth(server, (_, worker) => worker),
      );
    }
  },
);
