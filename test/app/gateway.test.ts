/** A gateway that only forwards, with a probe of its own, adds nothing to the picture: client and server are joined. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runApp } from './running-app.js';
import { endpointNode, hostNode, makeReport, processNode } from './sample-reports.js';

const CLIENT = ';10.0.0.1;40000';
const TRANSLATED = ';198.51.100.1;60000';
const SERVER = ';203.0.113.9;80';

const client = makeReport({
  Endpoint: [endpointNode(CLIENT, { owner: ['alpha', 11], to: [SERVER] }), endpointNode(SERVER)],
  Process: [processNode('alpha', 11, 'curl')],
  Host: [hostNode('alpha')],
});
const gateway = makeReport({
  Endpoint: [endpointNode(TRANSLATED, { to: [SERVER], extra: { copy_of: CLIENT } })],
  Host: [hostNode('gateway', ['198.51.100.1/24'])],
});
const server = makeReport({
  Endpoint: [endpointNode(TRANSLATED, { to: [SERVER] }), endpointNode(SERVER, { owner: ['beta', 22] })],
  Process: [processNode('beta', 22, 'nginx')],
  Host: [hostNode('beta', ['203.0.113.0/24'])],
});

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly connections: number;
}

test('source NAT on a gateway that hosts neither end is one edge, and nobody on the Internet', async (t) => {
  const app = await runApp(t);
  await app.report(client, 'alpha');
  await app.report(gateway, 'gateway');
  await app.report(server, 'beta');
  const edgesOf = async (view: string): Promise<[string, number][]> => {
    const { edges } = (await app.get(`/api/v1/edges?view=${view}`)).body as { edges: Edge[] };
    return edges.map(({ from, to, connections }) => [`${from} > ${to}`, connections]);
  };
  assert.deepEqual(await edgesOf('processes'), [['alpha;11 > beta;22', 1]]);
  assert.deepEqual(await edgesOf('hosts'), [['alpha;<host> > beta;<host>', 1]]);
});

test('without the probe of the client it is what the gateway knows of it', async (t) => {
  const app = await runApp(t);
  await app.report(gateway, 'gateway');
  await app.report(server, 'beta');
  const { edges } = (await app.get('/api/v1/edges?view=processes')).body as { edges: Edge[] };
  assert.deepEqual(
    edges.map(({ from, to, connections }) => [from, to, connections]),
    [['pseudo:private:10.0.0.0/8', 'beta;22', 1]],
  );
});
