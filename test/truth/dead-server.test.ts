/** A server that dies while its client goes on dialling: who is dialled in vain is shown as long as anybody dials. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowRow } from '../../src/report/model/flow-row.js';
import { createHost, on, startApp, startProbe } from '../support/fleet.js';
import { startCurl } from '../support/programs/load.js';
import { startNginx } from '../support/programs/nginx.js';
import { waitFor } from '../support/wait-for.js';
import { needsFleet, shownBy, startFleet } from './fleet-of.js';

const PORT = 8081;
const SHORT_WINDOW_MS = 3000;
const INTERVAL_MS = 500;
/** Of the app with the short window: a window's, and some more. */
const WINDOW_REPORTS = SHORT_WINDOW_MS / INTERVAL_MS + 2;
/** Three windows' and some more. */
const REPORTS = 3 * WINDOW_REPORTS;

test(
  'a dead server is a refused edge with the name of what listened there, until nobody dials it',
  { skip: needsFleet('nginx') },
  async (t) => {
    const fleet = await startFleet(t);
    const brief = await startApp(t, fleet.appHost, fleet.appAddress, {
      windowMs: SHORT_WINDOW_MS,
      port: 4042,
    });
    const [front, back] = [await createHost(t, 'front'), await createHost(t, 'back')];
    const [, address] = [fleet.lan.plug(front), fleet.lan.plug(back)];
    const server = await startNginx(t, back, { listen: [`${address}:${PORT}`] });
    const proxy = await startNginx(t, front, {
      listen: ['127.0.0.1:80'],
      server: `location / { proxy_pass http://${address}:${PORT}; }`,
    });
    for (const host of [front, back])
      await startProbe(t, host, [fleet.app.url, brief.url], ['--publish-interval', `${INTERVAL_MS}ms`]);
    const curl = await startCurl(t, front, 'http://127.0.0.1/', { requests: 100_000, perSecond: 25 });
    await waitFor(
      'requests are served',
      () => server.connections().length,
      (served) => served >= 20,
    );
    await fleet.app.afterReports(2, front, back);
    // It dies at once, the worker first: an orphan would go on serving.
    const [worker] = await server.workerPids();
    await on(back, 'kill', '-KILL', String(server.process.pid), String(worker));
    await server.process.ended;
    const refusals = (): number => proxy.errors().match(/connect\(\) failed \(111: /g)?.length ?? 0;
    await waitFor('requests are refused', refusals, (count) => count >= 5);

    const shown = shownBy(brief);
    const inVain = async (): Promise<readonly FlowRow[]> =>
      (await shown.flows(PORT)).filter(({ failed }) => (failed['refused'] ?? 0) > 0);
    for (let report = 0; report < REPORTS; report++) {
      await brief.afterReports(1, front);
      const dialled = await inVain();
      assert.deepEqual(
        dialled.map(({ client, server }) => [client.host, client.name, server.address]),
        [['front', 'nginx', address]],
      );
      if (report < WINDOW_REPORTS) continue;
      // Connections of its time are over and out of the window: it is nobody who refuses.
      assert.equal(dialled[0]?.server.pid, undefined);
      const [edge, ...others] = (await shown.edges('processes')).filter(({ failed }) => (failed ?? 0) > 0);
      assert.ok(edge !== undefined && others.length === 0);
      const { nodes } = (await brief.get('/api/topology/processes?unconnected=show')) as {
        readonly nodes: Readonly<Record<string, { readonly label: string; readonly labelMinor: string }>>;
      };
      assert.equal(nodes[edge.to]?.label, `${address}:${PORT}`);
      assert.match(nodes[edge.to]?.labelMinor ?? '', /nobody listens.*nginx/);
    }

    await curl.end();
    await fleet.app.afterReports(2, front, back);
    const rows = await fleet.flows(PORT);
    assert.equal(
      rows.reduce((sum, { failed }) => sum + (failed['refused'] ?? 0), 0),
      refusals(),
    );
    // A server that is killed does not log its last request. The proxy logs all, and dials once for each.
    const dials = proxy.connections().reduce((sum, { requests }) => sum + requests, 0);
    assert.equal(
      rows.reduce((sum, { connections }) => sum + connections, 0),
      dials - refusals(),
    );
    await waitFor(
      'it is gone when nobody has dialled it for a window',
      async () => (await shown.edges('processes')).filter(({ failed }) => (failed ?? 0) > 0).length,
      (count) => count === 0,
    );
  },
);
