/**
 * What idle connections cost: CPU of the whole probe per tick of 3 s, without them and with 100,000 of them, as a share of a
 * core. Needs root. Arguments: connections (default 100,000), seconds of each measurement (default 75). TOPOPROBE_RUNG is the
 * rung that the probe stands on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { holdConnections } from './held-connections.js';
import { startProbeProcess } from './probe-process.js';
import { coreShares, anonymousMib } from './process-usage.js';

const CONNECTIONS = Number(process.argv[2] ?? 100_000);
const SECONDS = Number(process.argv[3] ?? 75);
const TICK_SECONDS = 3;
/** Until what was new is settled. */
const SETTLE_MS = 30_000;

async function measure(what: string): Promise<void> {
  const probe = await startProbeProcess();
  await sleep(SETTLE_MS);
  const [share = NaN] = await coreShares([probe.pid], SECONDS);
  const anonymous = anonymousMib(probe.pid);
  await probe.stop();
  console.log(
    `${what}: ${(share * TICK_SECONDS * 1000).toFixed(1)} ms of CPU per tick, ` +
      `${(share * 100).toFixed(2)} % of a core; ${anonymous.toFixed(0)} MiB of anonymous memory`,
  );
}

if (process.getuid?.() !== 0) {
  console.log('idle: needs root (eBPF programs are loaded); nothing was measured');
} else {
  await measure('no connections');
  const held = await holdConnections(CONNECTIONS);
  await measure(`${held.connections} idle connections (${held.sockets} sockets)`);
  await held.release();
}
