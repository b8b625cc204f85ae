/** Probe or app is killed, or the app can't be reached, while connections come and go: nothing is double, nothing is lost. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createHost, on, startApp, startProbe, type FleetApp, type FleetHost } from '../support/fleet.js';
import { answeredCurl, startCurl, startWrk } from '../support/programs/load.js';
import { startNginx, type Nginx } from '../support/programs/nginx.js';
import type { RealProcess } from '../support/programs/real-process.js';
import { waitFor } from '../support/wait-for.js';
import { needsFleet, shownBy, startFleet, type Fleet } from './fleet-of.js';

const PORT = 8081;
const HELD = 50;
const skip = needsFleet('nginx', 'wrk');

interface Scene {
  readonly fleet: Fleet;
  readonly host: FleetHost;
  readonly nginx: Nginx;
  /** Has held connections all the time. */
  readonly wrk: RealProcess;
  readonly probe: RealProcess;
  /** Connections by one more process, one after the other, until it has ended; answers that process. */
  readonly connect: (requests: number) => Promise<RealProcess>;
  /** Starts one without waiting for its end. */
  readonly startConnecting: (requests: number, perSecond: number) => Promise<RealProcess>;
}

async function prepare(t: TestContext): Promise<Scene> {
  const fleet = await startFleet(t);
  const host = await createHost(t, 'machine');
  fleet.lan.plug(host);
  const nginx = await startNginx(t, host, { listen: [`127.0.0.1:${PORT}`] });
  const wrk = await startWrk(t, host, `http://127.0.0.1:${PORT}/`, {
    connections: HELD,
    seconds: 600,
    pauseMs: 500,
  });
  await waitFor(
    'all are held',
    () => nginx.accepted(),
    (accepted) => accepted === HELD + 1,
  );
  const probe = await startProbe(t, host, [fleet.app.url]);
  await fleet.app.afterReports(2, host);
  const url = `http://127.0.0.1:${PORT}/`;
  return {
    fleet,
    host,
    nginx,
    wrk,
    probe,
    async connect(requests) {
      const curl = await startCurl(t, host, url, { requests });
      assert.equal(await answeredCurl(curl), requests);
      return curl;
    },
    startConnecting: (requests, perSecond) => startCurl(t, host, url, { requests, perSecond }),
  };
}

/** Connections by client process, as the app shows them. */
async function shown(app: FleetApp): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { client, connections } of await shownBy(app).flows(PORT)) {
    const key = String(client.pid);
    counts[key] = (counts[key] ?? 0) + connections;
  }
  return counts;
}

test('a probe that is killed and started again counts nothing twice', { skip }, async (t) => {
  const { fleet, host, wrk, probe, connect } = await prepare(t);
  const first = await connect(500);
  await fleet.app.afterReports(2, host);
  assert.deepEqual(await shown(fleet.app), { [wrk.pid]: HELD, [first.pid]: 500 });
  await probe.end('SIGKILL');
  await startProbe(t, host, [fleet.app.url]);
  await fleet.app.afterReports(2, host);
  const second = await connect(300);
  await fleet.app.afterReports(2, host);
  assert.deepEqual(await shown(fleet.app), { [wrk.pid]: HELD, [first.pid]: 500, [second.pid]: 300 });
});

test(
  'a probe that is killed while a process connects leaves no more connections than there were',
  { skip },
  async (t) => {
    const { fleet, host, wrk, nginx, probe, startConnecting } = await prepare(t);
    const before = nginx.connections().length;
    const curl = await startConnecting(1500, 250);
    await waitFor(
      'connections',
      () => nginx.connections().length,
      (count) => count >= before + 300,
    );
    await probe.end('SIGKILL');
    const away = nginx.connections().length;
    await startProbe(t, host, [fleet.app.url]);
    await fleet.app.afterReports(1, host);
    const back = nginx.connections().length;
    assert.equal(await answeredCurl(curl), 1500);
    const end = nginx.connections().length;
    await fleet.app.afterReports(2, host);
    const { [wrk.pid]: held, [curl.pid]: counted = 0, ...others } = await shown(fleet.app);
    assert.deepEqual([held, others], [HELD, {}]);
    assert.ok(counted <= 1500, `${counted}`);
    // All since it was back, and none that was opened while it was away.
    assert.ok(counted >= end - back, `${counted} of ${end - back}`);
    assert.ok(away > before);
  },
);

test('an app that is killed and started again shows what lives, and all that comes', { skip }, async (t) => {
  const { fleet, host, wrk, connect } = await prepare(t);
  await connect(500);
  await fleet.app.afterReports(2, host);
  await fleet.app.process.end('SIGKILL');
  const again = await startApp(t, fleet.appHost, fleet.appAddress);
  await waitFor(
    'what lives is shown',
    () => shown(again),
    (counts) => counts[wrk.pid] === HELD,
  );
  const second = await connect(300);
  await again.afterReports(2, host);
  const counts = await shown(again);
  assert.deepEqual([counts[wrk.pid], counts[second.pid]], [HELD, 300]);
});

test('an app that was away while connections came has the count of all of them', { skip }, async (t) => {
  const { fleet, host, wrk, nginx, startConnecting } = await prepare(t);
  const rule = ['INPUT', '-p', 'tcp', '--dport', '4040', '-j', 'REJECT', '--reject-with', 'tcp-reset'];
  const before = nginx.connections().length;
  const curl = await startConnecting(1500, 250);
  await waitFor(
    'connections',
    () => nginx.connections().length,
    (count) => count >= before + 200,
  );
  await on(fleet.appHost, 'iptables-legacy', '-w', '-A', ...rule);
  const away = nginx.connections().length;
  await waitFor(
    'connections while it is away',
    () => nginx.connections().length,
    (count) => count >= away + 800,
  );
  await on(fleet.appHost, 'iptables-legacy', '-w', '-D', ...rule);
  assert.equal(await answeredCurl(curl), 1500);
  await fleet.app.afterReports(2, host);
  assert.deepEqual(await shown(fleet.app), { [wrk.pid]: HELD, [curl.pid]: 1500 });
});

test('an app that is killed while connections come has all since it is back', { skip }, async (t) => {
  const { fleet, host, wrk, nginx, startConnecting, connect } = await prepare(t);
  const before = nginx.connections().length;
  const curl = await startConnecting(1500, 250);
  await waitFor(
    'connections',
    () => nginx.connections().length,
    (count) => count >= before + 200,
  );
  await fleet.app.process.end('SIGKILL');
  const away = nginx.connections().length;
  await waitFor(
    'connections while it is away',
    () => nginx.connections().length,
    (count) => count >= away + 400,
  );
  const again = await startApp(t, fleet.appHost, fleet.appAddress);
  await again.afterReports(1, host);
  const back = nginx.connections().length;
  assert.equal(await answeredCurl(curl), 1500);
  const late = await connect(200);
  await again.afterReports(2, host);
  const counts = await shown(again);
  assert.deepEqual([counts[wrk.pid], counts[late.pid]], [HELD, 200]);
  const counted = counts[curl.pid] ?? 0;
  assert.ok(counted >= before + 1500 - back && counted <= 1500, `${counted}, back at ${back - before}`);
});
