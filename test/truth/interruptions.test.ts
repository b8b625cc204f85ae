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
/** Of the process that connects while something is away. */
const REQUESTS = 1500;
const PER_SECOND = 300;
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
  const { fleet, host, wrk, nginx, probe, connect, startConnecting } = await prepare(t);
  const first = await connect(500);
  await fleet.app.afterReports(2, host);
  assert.deepEqual(await shown(fleet.app), { [wrk.pid]: HELD, [first.pid]: 500 });
  await probe.end('SIGKILL');
  const next = await startProbe(t, host, [fleet.app.url]);
  await fleet.app.afterReports(2, host);
  const second = await connect(300);
  await fleet.app.afterReports(2, host);
  const exactly = { [wrk.pid]: HELD, [first.pid]: 500, [second.pid]: 300 };
  assert.deepEqual(await shown(fleet.app), exactly);

  // And while a process connects.
  const before = nginx.connections().length;
  const third = await startConnecting(REQUESTS, PER_SECOND);
  await waitFor(
    'connections',
    () => nginx.connections().length,
    (count) => count >= before + 200,
  );
  await next.end('SIGKILL');
  await startProbe(t, host, [fleet.app.url]);
  const back = nginx.connections().length - before;
  assert.equal(await answeredCurl(third), REQUESTS);
  await fleet.app.afterReports(2, host);
  const { [third.pid]: counted = 0, ...others } = await shown(fleet.app);
  assert.deepEqual(others, exactly);
  // All since it watches; what came while none watched is not known.
  assert.ok(counted >= REQUESTS - back && counted <= REQUESTS, `${counted}, back at ${back}`);
});

test('an app that was away while connections came has the count of all of them', { skip }, async (t) => {
  const { fleet, host, wrk, nginx, startConnecting } = await prepare(t);
  const rule = ['INPUT', '-p', 'tcp', '--dport', '4040', '-j', 'REJECT', '--reject-with', 'tcp-reset'];
  const before = nginx.connections().length;
  const curl = await startConnecting(REQUESTS, PER_SECOND);
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
    (count) => count >= away + 500,
  );
  await on(fleet.appHost, 'iptables-legacy', '-w', '-D', ...rule);
  assert.equal(await answeredCurl(curl), REQUESTS);
  await fleet.app.afterReports(2, host);
  assert.deepEqual(await shown(fleet.app), { [wrk.pid]: HELD, [curl.pid]: REQUESTS });
});

test(
  'an app that is killed while connections come shows what lives, and all since it is back',
  { skip },
  async (t) => {
    const { fleet, host, wrk, nginx, startConnecting, connect } = await prepare(t);
    const before = nginx.connections().length;
    const curl = await startConnecting(REQUESTS, PER_SECOND);
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
      (count) => count >= away + 200,
    );
    const again = await startApp(t, fleet.appHost, fleet.appAddress);
    await again.afterReports(1, host);
    const back = nginx.connections().length - before;
    assert.equal(await answeredCurl(curl), REQUESTS);
    const late = await connect(300);
    await again.afterReports(2, host);
    const { [curl.pid]: counted = 0, ...others } = await shown(again);
    assert.deepEqual(others, { [wrk.pid]: HELD, [late.pid]: 300 });
    assert.ok(counted >= REQUESTS - back && counted <= REQUESTS, `${counted}, back at ${back}`);
  },
);
