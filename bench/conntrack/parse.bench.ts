/**
 * Reading flows: nanoseconds per flow from netlink messages and from text, and what one refresh of the watcher costs here.
 * Arguments: flows (default 50,000).
 */
import { readConntrackMessages, readConntrackText } from '../../src/conntrack-parser/index.js';
import { ConntrackMonitor } from '../../src/probe/conntrack/index.js';
import { flowMessage } from '../../test/conntrack/flow-messages.js';

const FLOWS = Number(process.argv[2] ?? 50_000);
const ROUNDS = 9;
const REFRESHES = 50;

const ports = Array.from({ length: FLOWS }, (_, i) => 1024 + (i % 60_000));
const messages = Buffer.concat(
  ports.map((port, i) =>
    flowMessage({
      original: { source: '10.0.0.1', sourcePort: port, destination: '10.0.0.9', destinationPort: 80 },
      reply: { source: '10.1.0.2', sourcePort: 8080, destination: '10.0.0.1', destinationPort: port },
      status: 0x1ae,
      tcpState: 3,
      id: i,
      timeoutSeconds: 432000,
    }),
  ),
);
const text = Buffer.from(
  ports
    .map(
      (port) =>
        `ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.9 sport=${port} dport=80 ` +
        `src=10.1.0.2 dst=10.0.0.1 sport=8080 dport=${port} [ASSURED] mark=0 zone=0 use=2\n`,
    )
    .join(''),
);

/** Median nanoseconds per flow. */
function measure(work: () => number): string {
  const times: number[] = [];
  for (let round = -2; round < ROUNDS; round++) {
    const start = performance.now();
    if (work() !== FLOWS) throw new Error('not every flow was read');
    if (round >= 0) times.push(performance.now() - start);
  }
  return ((times.sort((a, b) => a - b)[ROUNDS >> 1]! * 1e6) / FLOWS).toFixed(0);
}

let seen = 0;
const byMessages = measure(() => readConntrackMessages(messages, ({ id }) => (seen += id)).flows);
const byText = measure(() => readConntrackText(text, ({ id }) => (seen += id)).flows);
console.log(`${FLOWS} flows: ${byMessages} ns each from messages, ${byText} ns each from text`);

const watcher = new ConntrackMonitor({ wanted: 'nat' });
await watcher.refresh();
if (watcher.unavailable === undefined) {
  const before = process.cpuUsage();
  for (let i = 0; i < REFRESHES; i++) await watcher.refresh();
  const { user, system } = process.cpuUsage(before);
  const { conntrackNamespaces = 0, conntrackFlows = 0 } = watcher.counters();
  console.log(
    `a refresh of ${conntrackNamespaces} namespaces with ${conntrackFlows} translated flows: ` +
      `${((user + system) / 1000 / REFRESHES).toFixed(2)} ms CPU`,
  );
} else {
  console.log(`refresh not measured: ${watcher.unavailable.message}`);
}
await watcher.close();
