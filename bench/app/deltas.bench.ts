/**
 * What a change costs on its way to WebSocket clients: the app's CPU time and the bytes sent, for changes of different
 * sizes in a graph that stays as large. Proportional to the change means that bytes grow with it and with nothing else.
 * `node build/bench/app/deltas.bench.js [clients]`
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { encodeReport, fromMillis } from '../../src/report/index.js';
import type { Latest, Node, Report } from '../../src/report/model/model.js';
import { cpuSeconds } from '../process-usage.js';
import { startOurs } from './subject.js';
import { ask, hangUp, rounded } from './traffic.js';

const NODES = 1_000;
const CHANGES = [1, 10, 100, 1_000];
const STEPS = 10;

const [clients = 100] = process.argv.slice(2).map(Number);

/** Processes of one machine, the first `changed` of them with new command lines. */
function report(step: number, changed: number): Report {
  const timestamp = fromMillis(Date.now());
  const nodes = new Map<string, Node>();
  for (let pid = 1; pid <= NODES; pid++) {
    const facts = { pid: String(pid), name: `p-${pid}`, cmdline: pid <= changed ? `run ${step}` : 'run' };
    const latest = Object.entries(facts).map(([key, value]): [string, Latest] => [key, { timestamp, value }]);
    nodes.set(`x;${pid}`, { id: `x;${pid}`, topology: 'process', latest: new Map(latest) });
  }
  const metadataTemplates = new Map([['cmdline', { id: 'cmdline', from: 'latest' }]]);
  return {
    id: '1',
    timestamp,
    topologies: new Map([['Process', { nodes, metadataTemplates }]]),
    dns: new Map(),
  };
}

async function post(url: string, body: Uint8Array): Promise<void> {
  const headers = { 'content-type': 'application/msgpack', 'x-scope-probe-id': 'p' };
  const { status } = await ask(`${url}/api/report`, 'POST', Buffer.from(body), headers);
  if (status !== 200) throw new Error(`a report was answered ${status}`);
}

const app = await startOurs();
try {
  await post(app.url, encodeReport(report(0, 0)));
  const sockets = Array.from(
    { length: clients },
    () =>
      new WebSocket(`${app.url.replace('http', 'ws')}/api/topology/processes/ws?unconnected=show&t=100ms`),
  );
  await Promise.all(sockets.map((socket) => once(socket, 'message')));
  let step = 1;
  for (const changed of CHANGES) {
    let bytes = 0;
    const cpuBefore = cpuSeconds(app.pid);
    for (let round = 0; round < STEPS; round++) {
      const received = sockets.map((socket) => once(socket, 'message'));
      await post(app.url, encodeReport(report(step++, changed)));
      for (const [data] of (await Promise.all(received)) as [Buffer][]) bytes += data.length;
    }
    console.log(
      JSON.stringify({
        clients,
        nodes: NODES,
        changed,
        bytesPerClient: Math.round(bytes / STEPS / clients),
        bytesPerChange: Math.round(bytes / STEPS / clients / changed),
        cpuMsPerStep: rounded(((cpuSeconds(app.pid) - cpuBefore) * 1_000) / STEPS),
      }),
    );
  }
  for (const socket of sockets) socket.terminate();
} finally {
  await app.stop();
  hangUp();
}
