/** What the real programs count is one truth: the server's count and its clients' are the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHost, createLan, on } from '../support/fleet.js';
import { needsPrograms } from '../support/programs/debian.js';
import { startHaproxy } from '../support/programs/haproxy.js';
import {
  answeredCurl,
  answeredTo,
  completedBy,
  startAb,
  startCurl,
  startWrk,
} from '../support/programs/load.js';
import { startNginx, tally } from '../support/programs/nginx.js';
import { startDownload, startVsftpd } from '../support/programs/vsftpd.js';
import { waitFor } from '../support/wait-for.js';
import { rootSkip } from '../conntrack/nat-network.js';

test(
  'nginx logs as many requests as ab and curl complete, a connection each',
  {
    skip: rootSkip || needsPrograms('nginx', 'ab'),
  },
  async (t) => {
    const host = await createHost(t, 'alone');
    const nginx = await startNginx(t, host, { listen: ['127.0.0.1:80'], workers: 2 });
    const clients = ['a', 'b'];
    const runs = await Promise.all(
      clients.map((client) =>
        startAb(t, host, `http://127.0.0.1/?client=${client}`, { requests: 300, concurrency: 3 }),
      ),
    );
    const curl = await startCurl(t, host, 'http://127.0.0.1/?client=c', { requests: 50, perSecond: 200 });
    assert.deepEqual(await Promise.all(runs.map(completedBy)), [300, 300]);
    assert.equal(await answeredCurl(curl), 50);
    const connections = await nginx.connectionsInTheEnd();
    // ab opens some more at its end, which it asks nothing on.
    const { '': unasked = 0, ...asked } = Object.fromEntries(tally(connections, ({ client }) => client));
    assert.deepEqual(asked, { a: 300, b: 300, c: 50 });
    assert.ok(unasked <= 2 * 3, `${unasked}`);
    const workers = await nginx.workerPids();
    for (const { workerPid } of connections) assert.ok(workers.includes(workerPid));
  },
);

for (const isShort of [true, false])
  test(
    `nginx accepts what wrk opens ${isShort ? 'for each request' : 'and keeps'}`,
    {
      skip: rootSkip || needsPrograms('nginx', 'wrk'),
    },
    async (t) => {
      const host = await createHost(t, 'alone');
      const nginx = await startNginx(t, host, { listen: ['127.0.0.1:80'], workers: 2 });
      const wrk = await startWrk(t, host, 'http://127.0.0.1/', { connections: 10, seconds: 1, isShort });
      const answered = await answeredTo(wrk);
      const connections = await nginx.connectionsInTheEnd();
      const requests = connections.reduce((sum, each) => sum + each.requests, 0);
      // Those at work when wrk ends have no answer there.
      assert.ok(requests >= answered && requests <= answered + 10, `${requests}, ${answered}`);
      // The first of all has no request.
      if (!isShort) assert.equal(connections.length, 11);
      else assert.ok(connections.every((each) => each.requests <= 1) && connections.length > answered);
    },
  );

test(
  'haproxy counts the connects that its servers accept, and nginx the checks',
  {
    skip: rootSkip || needsPrograms('nginx', 'haproxy', 'ab'),
  },
  async (t) => {
    const host = await createHost(t, 'alone');
    const servers = { one: '127.0.0.1:8081', two: '127.0.0.1:8082', three: '127.0.0.1:8083' };
    const nginxes = await Promise.all(
      Object.values(servers).map((address) => startNginx(t, host, { listen: [address] })),
    );
    const haproxy = await startHaproxy(t, host, { listen: '127.0.0.1:80', servers, checkEveryMs: 50 });
    const checks = async (): Promise<readonly number[]> =>
      Promise.all(
        nginxes.map(
          async (nginx) =>
            (await nginx.connectionsInTheEnd()).filter(({ path }) => path === '/health').length,
        ),
      );
    const before = await checks();
    const ab = await startAb(t, host, 'http://127.0.0.1/', { requests: 300, concurrency: 4 });
    assert.equal(await completedBy(ab), 300);
    assert.deepEqual(Object.fromEntries(await haproxy.connects()), { one: 100, two: 100, three: 100 });
    assert.deepEqual(await checks(), before, 'none while they are off');
    await haproxy.check(true);
    for (const nginx of nginxes) {
      const seen = (): number => nginx.connections().filter(({ path }) => path === '/health').length;
      const enough = seen() + 2;
      await waitFor('checks', seen, (count) => count >= enough);
    }
    await haproxy.check(false);
    for (const nginx of nginxes) {
      const paths = tally(await nginx.connectionsInTheEnd(), ({ path }) => path);
      assert.equal(paths.get('/'), 100);
      assert.equal(paths.get(''), undefined);
    }
  },
);

for (const mode of ['active', 'passive'] as const)
  test(
    `vsftpd logs each ${mode} download`,
    {
      skip: rootSkip || needsPrograms('vsftpd'),
    },
    async (t) => {
      const [server, client] = [await createHost(t, 'server'), await createHost(t, 'client')];
      const lan = createLan(t);
      const address = lan.plug(server);
      const addresses = [lan.plug(client), lan.plug(client), lan.plug(client)];
      const vsftpd = await startVsftpd(t, server, address, 30_000);
      for (const own of addresses) {
        const download = await startDownload(t, client, address, own, mode);
        assert.equal(await download.ended, 0, download.stderr());
      }
      assert.deepEqual(vsftpd.downloads(), addresses);
      assert.equal(await on(server, 'ss', '-Hltn', 'sport', '=', ':30000'), '');
    },
  );
