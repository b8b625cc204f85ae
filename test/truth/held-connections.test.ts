/** Connections that stay, and checks of the same server by another process: each is counted as its own, in every report. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHost, startProbe } from '../support/fleet.js';
import { startHaproxy } from '../support/programs/haproxy.js';
import { startWrk } from '../support/programs/load.js';
import { startNginx } from '../support/programs/nginx.js';
import { waitFor } from '../support/wait-for.js';
import { edgesOfHost, needsFleet, startFleet } from './fleet-of.js';

const PORT = 8081;
const HELD = 300;
const REPORTS = 8;

test(
  '300 connections that stay are 300 beside health checks of another process, always',
  { skip: needsFleet('nginx', 'haproxy', 'wrk') },
  async (t) => {
    const fleet = await startFleet(t);
    const host = await createHost(t, 'machine');
    fleet.lan.plug(host);
    const nginx = await startNginx(t, host, { listen: [`127.0.0.1:${PORT}`] });
    const checks = (): number => nginx.connections().filter(({ path }) => path === '/health').length;
    const haproxy = await startHaproxy(t, host, {
      listen: '127.0.0.1:80',
      servers: { only: `127.0.0.1:${PORT}` },
      checkEveryMs: 200,
    });
    const before = await nginx.accepted();
    const wrk = await startWrk(t, host, `http://127.0.0.1:${PORT}/`, {
      connections: HELD,
      seconds: 600,
      pauseMs: 1000,
    });
    // One more has no request: wrk's first.
    await waitFor(
      'all are held',
      () => nginx.accepted(),
      (accepted) => accepted === before + HELD + 1,
    );
    const earlier = checks();
    await startProbe(t, host, [fleet.app.url]);
    await fleet.app.afterReports(1, host);
    await haproxy.check(true);
    const [worker] = await nginx.workerPids();
    const [held, checking] = [`${wrk.pid} > ${worker}`, `${haproxy.process.pid} > ${worker}`];
    const read = async (): Promise<Map<string, number>> => {
      const rows = await fleet.flows(PORT);
      return new Map(
        rows.map(({ client, server, connections }) => [`${client.pid} > ${server.pid}`, connections]),
      );
    };
    for (let report = 0; report < REPORTS; report++) {
      await fleet.app.afterReports(1, host);
      const shown = await read();
      assert.equal(shown.get(held), HELD);
      assert.ok((shown.get(checking) ?? 0) <= checks() - earlier, 'no more checks than there were');
      for (const pair of shown.keys()) assert.ok(pair === held || pair === checking, pair);
    }
    await haproxy.check(false);
    await fleet.app.afterReports(2, host);
    const made = checks() - earlier;
    assert.ok(made > 0);
    assert.deepEqual(Object.fromEntries(await read()), { [held]: HELD, [checking]: made });
    const [row] = (await fleet.flows(PORT)).filter(({ client }) => client.pid === wrk.pid);
    assert.equal(row?.live, HELD);
    const edges = edgesOfHost(await fleet.edges('processes'), 'machine');
    assert.equal(edges.get(`machine;${wrk.pid} > machine;${worker}`), HELD);
    assert.equal(edges.get(`machine;${haproxy.process.pid} > machine;${worker}`), made);
  },
);
