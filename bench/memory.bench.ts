/**
 * Resident memory of the probe, beside a bare Node process: idle, with 10,000 live connections, and while a million of
 * connections come and go. Needs root. Arguments: connections that come and go (default 1,000,000).
 */
import { execFile, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { holdConnections } from './held-connections.js';
import { startProbeProcess } from './probe-process.js';
import { rssMib } from './process-usage.js';

const CHURNED = Number(process.argv[2] ?? 1_000_000);
const STEPS = 5;
const LIVE = 10_000;
const SETTLE_MS = 15_000;
/** Until each page of the program that served its start only has had its turn to go. */
const START_MS = 90_000;
const CHURN = fileURLToPath(new URL('../churn', import.meta.url));

async function bareNode(): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await sleep(2000);
  const rss = rssMib(child.pid ?? 0);
  child.kill();
  return rss;
}

if (process.getuid?.() !== 0) {
  console.log('memory: needs root (eBPF programs are loaded); nothing was measured');
} else {
  const bare = await bareNode();
  const tell = (what: string, rss: number): void => {
    console.log(`${what}: RSS ${rss.toFixed(0)} MiB, ${(rss - bare).toFixed(0)} above a bare Node process`);
  };
  tell('bare Node process', bare);
  const probe = await startProbeProcess();
  await sleep(SETTLE_MS);
  tell('just started', rssMib(probe.pid));
  await sleep(START_MS - SETTLE_MS);
  tell('idle', rssMib(probe.pid));
  const held = await holdConnections(LIVE);
  await sleep(SETTLE_MS);
  tell(`${held.connections} live connections`, rssMib(probe.pid));
  await held.release();
  for (let step = 1; step <= STEPS; step++) {
    await promisify(execFile)(CHURN, ['-n', String(CHURNED / STEPS), '-c', '2']);
    tell(`${(CHURNED / STEPS) * step} connections came and went`, rssMib(probe.pid));
  }
  await sleep(SETTLE_MS);
  tell('and a moment later', rssMib(probe.pid));
  await probe.stop();
}
