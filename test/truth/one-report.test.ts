/** One report of one machine on which real programs do all at once what used to be confused: each pair has its own row. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowRow } from '../../src/report/model/flow-row.js';
import { createHost, on } from '../support/fleet.js';
import { startHaproxy } from '../support/programs/haproxy.js';
import { answeredCurl, startCurl, startWrk } from '../support/programs/load.js';
import { startNginx } from '../support/programs/nginx.js';
import { DATA_PORT, startDownload, startVsftpd } from '../support/programs/vsftpd.js';
import { reportWhile } from '../support/report-while.js';
import { waitFor } from '../support/wait-for.js';
import { needsFleet } from './fleet-of.js';
import { countsBy, pids, rowsOfReport, sorted, towards } from './rows.js';

const SHORT = { port: 8081, requests: 1000 } as const;
const HELD = { port: 8082, connections: 300 } as const;
const DYING = { port: 8083, served: 20, refused: 50 } as const;
const FTP_CLIENTS = ['127.0.0.2', '127.0.0.3', '127.0.0.4'] as const;

test(
  'short and held connections, checks, FTP and a server that dies have the counts of the programs in one report',
  { skip: needsFleet('nginx', 'wrk', 'haproxy', 'vsftpd') },
  async (t) => {
    const host = await createHost(t, 'machine');
    const nginxAt = (port: number): ReturnType<typeof startNginx> =>
      startNginx(t, host, { listen: [`127.0.0.1:${port}`] });
    const short = await nginxAt(SHORT.port);
    const held = await nginxAt(HELD.port);
    const dying = await nginxAt(DYING.port);
    const vsftpd = await startVsftpd(t, host, '127.0.0.1', 30_000);
    const haproxy = await startHaproxy(t, host, {
      listen: '127.0.0.1:80',
      servers: { only: `127.0.0.1:${HELD.port}` },
      checkEveryMs: 100,
    });
    const earlier = await held.accepted();
    const wrk = await startWrk(t, host, `http://127.0.0.1:${HELD.port}/`, {
      connections: HELD.connections,
      seconds: 600,
      pauseMs: 1000,
    });
    // One more has no request: wrk's first.
    await waitFor(
      'all are held',
      () => held.accepted(),
      (accepted) => accepted === earlier + HELD.connections + 1,
    );
    const checks = (): number => held.connections().filter(({ path }) => path === '/health').length;
    const checksBefore = checks();
    const workers = new Map<string, number | undefined>();
    for (const [name, nginx] of Object.entries({ short, held, dying }))
      workers.set(name, (await nginx.workerPids())[0]);

    let clients: Record<'short' | 'served' | 'refused', number> | undefined;
    const report = await reportWhile(
      t,
      async () => {
        await haproxy.check(true);
        const asking = await startCurl(t, host, `http://127.0.0.1:${SHORT.port}/`, {
          requests: SHORT.requests,
        });
        const served = await startCurl(t, host, `http://127.0.0.1:${DYING.port}/`, {
          requests: DYING.served,
        });
        assert.equal(await answeredCurl(served), DYING.served);
        await on(host, 'kill', '-KILL', String(dying.process.pid), String(workers.get('dying')));
        await dying.process.ended;
        const refused = await startCurl(t, host, `http://127.0.0.1:${DYING.port}/`, {
          requests: DYING.refused,
        });
        const COULD_NOT_CONNECT = 7;
        assert.equal(await refused.ended, COULD_NOT_CONNECT);
        assert.equal(
          refused
            .stdout()
            .split('\n')
            .filter((line) => line === '000').length,
          DYING.refused,
        );
        for (const address of FTP_CLIENTS)
          assert.equal(await (await startDownload(t, host, '127.0.0.1', address, 'active')).ended, 0);
        assert.equal(await answeredCurl(asking), SHORT.requests);
        clients = { short: asking.pid, served: served.pid, refused: refused.pid };
        await waitFor('checks', checks, (count) => count >= checksBefore + 3);
        await haproxy.check(false);
      },
      { duration: '9s', within: host.enter },
    );
    assert.ok(clients !== undefined);
    const rows = rowsOfReport(report);
    const to = (port: number): readonly FlowRow[] => rows.filter(towards(port));

    assert.deepEqual(sorted(countsBy(to(SHORT.port), pids)), [
      [`${clients.short} > ${workers.get('short')}`, SHORT.requests],
    ]);
    assert.deepEqual(
      Object.fromEntries(countsBy(to(HELD.port), pids)),
      Object.fromEntries([
        [`${wrk.pid} > ${workers.get('held')}`, HELD.connections],
        [`${haproxy.process.pid} > ${workers.get('held')}`, checks() - checksBefore],
      ]),
    );
    assert.deepEqual(
      to(HELD.port)
        .filter(({ client }) => client.pid === wrk.pid)
        .map(({ live, opened }) => [live, opened]),
      [[HELD.connections, 0]],
    );
    // Who served is gone, but was seen.
    assert.deepEqual(sorted(countsBy(to(DYING.port), ({ client }) => String(client.pid))), [
      [String(clients.served), DYING.served],
    ]);
    assert.deepEqual(
      to(DYING.port)
        .filter(({ failed }) => Object.keys(failed).length > 0)
        .map(({ client, server, failed }) => [client.pid, server.pid, failed]),
      [[clients.refused, undefined, { refused: DYING.refused }]],
    );
    const data = rows.filter(({ client, ports }) => client.name === 'vsftpd' && ports[0]?.[0] === DATA_PORT);
    assert.deepEqual(
      sorted(countsBy(data, ({ server }) => server.address)),
      FTP_CLIENTS.map((address) => [address, 1]),
    );
    assert.deepEqual(vsftpd.downloads(), [...FTP_CLIENTS]);
  },
);
