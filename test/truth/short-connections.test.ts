/** Short connections of one client process with one server process: the app's edge has as many as the server logged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHost, startProbe } from '../support/fleet.js';
import { answeredCurl, startCurl } from '../support/programs/load.js';
import { startNginx } from '../support/programs/nginx.js';
import { edgesOfHost, needsFleet, startFleet } from './fleet-of.js';
import { countsBy, ends, sorted } from './rows.js';

const PORT = 8081;

for (const [requests, perSecond, hosts] of [
  [1000, 250, ['machine']],
  [6000, 1000, ['near', 'far']],
] as const)
  test(
    `${requests} short connections ${hosts.length === 1 ? 'on one host' : 'between two hosts'} over many reports are ${requests}`,
    { skip: needsFleet('nginx') },
    async (t) => {
      const fleet = await startFleet(t);
      const near = await createHost(t, hosts[0]);
      fleet.lan.plug(near);
      const far = hosts.length === 1 ? near : await createHost(t, hosts[1]);
      const address = fleet.lan.plug(far);
      const nginx = await startNginx(t, far, { listen: [`${address}:${PORT}`] });
      const all = hosts.length === 1 ? [near] : [near, far];
      for (const host of all) await startProbe(t, host, [fleet.app.url]);
      await fleet.app.afterReports(1, ...all);
      const curl = await startCurl(t, near, `http://${address}:${PORT}/`, { requests, perSecond });
      assert.equal(await answeredCurl(curl), requests);
      assert.equal((await nginx.connectionsInTheEnd()).length, requests);
      await fleet.app.afterReports(2, ...all);
      const [worker] = await nginx.workerPids();
      const truth: readonly [string, number][] = [
        [`${near.name};${curl.pid} > ${far.name};${worker}`, requests],
      ];
      assert.deepEqual(sorted(countsBy(await fleet.flows(PORT), ends)), truth);
      const edges = edgesOfHost(await fleet.edges('processes'), far.name);
      assert.equal(edges.get(truth[0]![0]), requests);
    },
  );
