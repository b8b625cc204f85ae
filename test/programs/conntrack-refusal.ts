/** Asks for connection tracking, twice, and prints what came of it as JSON. */
import { ConntrackMonitor } from '../../src/probe/conntrack/index.js';

const watcher = new ConntrackMonitor({ wanted: 'nat' });
await watcher.refresh();
const { flows } = await watcher.refresh();
const { unavailable } = watcher;
process.stdout.write(
  JSON.stringify({
    code: unavailable?.code,
    message: unavailable?.message,
    flows: flows.flowCount,
    counters: watcher.counters(),
  }),
);
await watcher.close();
