/** FTP: data connections that one local port of the server opens to several clients are an edge for each client. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHost, startProbe } from '../support/fleet.js';
import { DATA_PORT, startDownload, startVsftpd } from '../support/programs/vsftpd.js';
import { edgesOfHost, needsFleet, startFleet } from './fleet-of.js';
import { countsBy, sorted, total } from './rows.js';

const CONTROL_PORT = 21;
const PASSIVE_PORT = 30_000;

for (const mode of ['active', 'passive'] as const)
  test(
    `${mode} FTP to three clients: a data connection and a control connection each`,
    {
      skip: needsFleet('vsftpd'),
    },
    async (t) => {
      const fleet = await startFleet(t);
      const [server, client] = [await createHost(t, 'server'), await createHost(t, 'client')];
      const serverAddress = fleet.lan.plug(server);
      const addresses = [fleet.lan.plug(client), fleet.lan.plug(client), fleet.lan.plug(client)];
      const vsftpd = await startVsftpd(t, server, serverAddress, PASSIVE_PORT);
      for (const host of [server, client]) await startProbe(t, host, [fleet.app.url]);
      for (const own of addresses) {
        const download = await startDownload(t, client, serverAddress, own, mode);
        assert.equal(await download.ended, 0, download.stderr());
      }
      assert.deepEqual(vsftpd.downloads(), addresses);
      await fleet.app.afterReports(2, server, client);

      const once = sorted(new Map(addresses.map((address) => [address, 1])));
      const control = await fleet.flows(CONTROL_PORT);
      assert.deepEqual(sorted(countsBy(control, (row) => row.client.address)), once);
      const rows = await fleet.flows();
      const data = rows.filter((row) =>
        mode === 'passive'
          ? row.server.port === PASSIVE_PORT
          : row.client.address === serverAddress && addresses.includes(row.server.address),
      );
      const clientOf = mode === 'passive' ? 'client' : 'server';
      assert.deepEqual(sorted(countsBy(data, (row) => row[clientOf].address)), once);
      for (const row of data) {
        assert.deepEqual([row[clientOf].host, row[clientOf].name], ['client', 'curl']);
        const other = row[mode === 'passive' ? 'server' : 'client'];
        assert.deepEqual([other.host, other.name], ['server', 'vsftpd']);
        if (mode === 'active') assert.deepEqual(row.ports, [[DATA_PORT, 1]]);
      }
      const hosts = edgesOfHost(await fleet.edges('hosts'), 'client');
      assert.equal(total(hosts), 6);
      assert.equal(hosts.get('server;<host> > client;<host>') ?? 0, mode === 'active' ? 3 : 0);
    },
  );
