/** Weave Scope's own probe and app beside ours, on the same traffic: the same edges. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { createHost, on, startProbe, type FleetHost } from '../support/fleet.js';
import { startWrk } from '../support/programs/load.js';
import { startNginx } from '../support/programs/nginx.js';
import { needsScope, startScopeApp, startScopeProbe } from '../support/programs/scope.js';
import { waitFor } from '../support/wait-for.js';
import { edgesOfHost, needsFleet, startFleet, type Fleet } from './fleet-of.js';

const PORT = 8081;
const REMOTE = 20;
const LOCAL = 10;

interface Traffic {
  readonly client: FleetHost;
  readonly server: FleetHost;
  /** Id of the process that serves. */
  readonly worker: string;
  /** Connections by `from > to` of processes. */
  readonly edges: Readonly<Record<string, number>>;
}

/** Connections that stay: from another host, and from the server's own. */
async function startTraffic(t: TestContext, { lan }: Fleet): Promise<Traffic> {
  const [client, server] = [await createHost(t, 'client'), await createHost(t, 'server')];
  lan.plug(client);
  const address = lan.plug(server);
  const nginx = await startNginx(t, server, { listen: [`0.0.0.0:${PORT}`] });
  const before = await nginx.accepted();
  const hold = { seconds: 600, pauseMs: 1_000 };
  const remote = await startWrk(t, client, `http://${address}:${PORT}/`, { connections: REMOTE, ...hold });
  const local = await startWrk(t, server, `http://127.0.0.1:${PORT}/`, { connections: LOCAL, ...hold });
  // One more of each has no request: wrk's first.
  await waitFor(
    'all are held',
    () => nginx.accepted(),
    (accepted) => accepted === before + REMOTE + LOCAL + 2,
  );
  const worker = `server;${(await nginx.workerPids())[0]}`;
  const edges = { [`client;${remote.pid} > ${worker}`]: REMOTE, [`server;${local.pid} > ${worker}`]: LOCAL };
  return { client, server, worker, edges };
}

test(
  'a Scope probe and ours give the same edges, alone and side by side',
  { skip: needsFleet('nginx', 'wrk') || needsScope },
  async (t) => {
    const fleet = await startFleet(t, { windowMs: 15_000 });
    const { client, server, edges } = await startTraffic(t, fleet);
    const shown = async (): Promise<Record<string, number>> =>
      Object.fromEntries(edgesOfHost(await fleet.edges('processes'), 'server'));
    const scopes = [];
    for (const host of [client, server]) scopes.push(await startScopeProbe(t, host, fleet.app.url));
    // Scope's probe goes through the files of all processes slowly.
    await waitFor("Scope's probes have seen all", shown, (found) => isDeepStrictEqual(found, edges));
    await fleet.app.afterReports(3, client, server);
    assert.deepEqual(await shown(), edges, "Scope's alone");

    for (const host of [client, server]) await startProbe(t, host, [fleet.app.url]);
    for (let report = 0; report < 5; report++) {
      await fleet.app.afterReports(2, client, server);
      assert.deepEqual(await shown(), edges, 'side by side');
    }

    for (const scope of scopes) await scope.end();
    await waitFor(
      "Scope's are forgotten",
      async () => {
        const { probes } = (await fleet.app.get('/api/v1/probes')) as { probes: readonly unknown[] };
        return probes.length;
      },
      (probes) => probes === 2,
    );
    assert.deepEqual(await shown(), edges, 'ours alone');
  },
);

test(
  'a Scope app shows what our probe ships',
  { skip: needsFleet('nginx', 'wrk') || needsScope },
  async (t) => {
    const fleet = await startFleet(t);
    const { client, server, worker, edges } = await startTraffic(t, fleet);
    const scopeHost = await createHost(t, 'scope');
    const url = await startScopeApp(t, scopeHost, fleet.lan.plug(scopeHost));
    for (const host of [client, server]) await startProbe(t, host, [url]);
    const shown = async (): Promise<readonly string[]> => {
      const answer = await on(scopeHost, 'curl', '-sS', `${url}/api/topology/processes`).catch(() => '{}');
      const { nodes = {} } = JSON.parse(answer) as {
        nodes?: Record<string, { readonly label: string; readonly adjacency?: readonly string[] }>;
      };
      return Object.entries(nodes)
        .flatMap(([from, { adjacency = [] }]) => adjacency.map((to) => `${from} > ${to}`))
        .filter((edge) => edge.endsWith(` > ${worker}`));
    };
    await waitFor('the edges are there', shown, (found) => found.length >= Object.keys(edges).length);
    assert.deepEqual([...(await shown())].sort(), Object.keys(edges).sort());
  },
);
