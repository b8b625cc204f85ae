/** A load balancer and its servers on another machine, a probe on each: every server has its own count. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHost, startProbe } from '../support/fleet.js';
import { startHaproxy } from '../support/programs/haproxy.js';
import { completedBy, startAb } from '../support/programs/load.js';
import { startNginx } from '../support/programs/nginx.js';
import { edgesOfHost, needsFleet, startFleet } from './fleet-of.js';
import { countsBy, ends, sorted } from './rows.js';

const PER_SERVER = 800;
const PORTS = [8081, 8082, 8083] as const;

test(
  'three servers of one load balancer have what haproxy gave to each',
  { skip: needsFleet('nginx', 'haproxy', 'ab') },
  async (t) => {
    const fleet = await startFleet(t);
    const [front, back] = [await createHost(t, 'front'), await createHost(t, 'back')];
    const [, backAddress] = [fleet.lan.plug(front), fleet.lan.plug(back)];
    const servers = await Promise.all(
      PORTS.map((port) => startNginx(t, back, { listen: [`${backAddress}:${port}`] })),
    );
    const haproxy = await startHaproxy(t, front, {
      listen: '127.0.0.1:80',
      servers: Object.fromEntries(PORTS.map((port) => [`server-${port}`, `${backAddress}:${port}`])),
    });
    for (const host of [front, back]) await startProbe(t, host, [fleet.app.url]);
    const requests = PER_SERVER * PORTS.length;
    assert.equal(
      await completedBy(await startAb(t, front, 'http://127.0.0.1/', { requests, concurrency: 8 })),
      requests,
    );
    assert.deepEqual(
      Array.from((await haproxy.connects()).values()),
      PORTS.map(() => PER_SERVER),
    );
    const workers = await Promise.all(servers.map(async (server) => (await server.workerPids())[0]));
    for (const server of servers) assert.equal((await server.connectionsInTheEnd()).length, PER_SERVER);
    await fleet.app.afterReports(2, front, back);

    const rows = await fleet.flows(...PORTS);
    const truth = new Map(workers.map((pid) => [`front;${haproxy.process.pid} > back;${pid}`, PER_SERVER]));
    assert.deepEqual(sorted(countsBy(rows, ends)), sorted(truth));
    assert.deepEqual(sorted(edgesOfHost(await fleet.edges('processes'), 'back')), sorted(truth));
    assert.deepEqual(sorted(edgesOfHost(await fleet.edges('hosts'), 'back')), [
      ['front;<host> > back;<host>', requests],
    ]);
  },
);
