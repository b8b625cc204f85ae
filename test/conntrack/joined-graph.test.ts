/** Client and server are joined through NAT: in one host's report, and in the app from the reports of two hosts. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { decodeReport } from '../../src/report/index.js';
import type { Report } from '../../src/report/model/model.js';
import { edgeCounts, snapshotOf } from '../support/snapshot.js';
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
  const all = edgeCounts(snapshotOf(reports), 'processes');
  return new Map([...all].filter(([edge]) => edge.split('>').some((id) => ids.includes(id))));
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
