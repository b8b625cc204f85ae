/** Client and server are joined through NAT: in one host's report, and in the app from the reports of two hosts. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { viewById } from '../../src/app/views/catalogue.js';
import { edgeTotals } from '../../src/app/views/graph.js';
import { snapshotOf } from '../../src/app/flows/snapshot.js';
import { decodeReport, mergeReports } from '../../src/report/index.js';
import type { Report } from '../../src/report/model/model.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { connectOver, rootSkip, ROUTES, type Translated } from './nat-network.js';

const run = promisify(execFile);

async function report(command: readonly string[], source: string, hostName: string): Promise<Report> {
  const [file = '', ...prefix] = command;
  const options = ['--source', source, '--duration', '1s', '--format', 'msgpack', '--hostname', hostName];
  const args = [...prefix, TOPOPROBE, 'report', ...options, '--log-level', 'error'];
  const { stdout } = await run(file, args, { encoding: 'buffer', maxBuffer: 1 << 28 });
  return decodeReport(stdout);
}

/** Connections by `from>to` between the processes of the test. */
function processEdges(reports: readonly Report[], ids: readonly string[]): Map<string, number> {
  const graph = viewById('processes')!.graph(snapshotOf(mergeReports(reports)));
  const edges = new Map<string, number>();
  for (const [from, targets] of graph.edges) {
    for (const [to, links] of targets)
      if (ids.includes(from) || ids.includes(to)) edges.set(`${from}>${to}`, edgeTotals(links).connections);
  }
  return edges;
}

/** What the client's endpoint says of its connection. */
function clientEndpoint(
  { clientEnd, clientPort }: Translated,
  { topologies }: Report,
): ReadonlyMap<string, string> {
  const node = topologies.get('Endpoint')?.nodes.get(`;${clientEnd};${clientPort}`);
  return new Map(Array.from(node?.latest ?? [], ([key, { value }]) => [key, value]));
}

for (const source of ['ebpf', 'proc'] as const) {
  for (const route of ROUTES) {
    test(`${source}, ${route.name}: one edge from client to server`, { skip: rootSkip }, async (t) => {
      const translated = await connectOver(t, route);
      const { clientPid, serverPid, dialled, dialledPort, serverAddress } = translated;
      const seen = await report([process.execPath], source, 'vm');
      const [client, server] = [`vm;${clientPid}`, `vm;${serverPid}`];
      assert.deepEqual([...processEdges([seen], [client, server])], [[`${client}>${server}`, 1]]);
      const facts = clientEndpoint(translated, seen);
      // By eBPF a socket's own counters tell, of older connections too.
      assert.equal(facts.get('direction_evidence'), source === 'ebpf' ? 'handshake' : 'conntrack');
      if (dialled !== serverAddress) {
        const nodes = seen.topologies.get('Endpoint')?.nodes;
        assert.match(facts.get('nat_destination') ?? '', new RegExp(`:${dialledPort}$`));
        const copy = nodes?.get(`;${dialled};${dialledPort}`)?.latest;
        assert.equal(copy?.get('copy_of')?.value, `;${serverAddress};8080`);
        assert.equal(copy.get('pid')?.value, String(serverPid));
      }
    });
  }
}
