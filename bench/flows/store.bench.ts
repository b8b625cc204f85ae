/**
 * CPU of taking statements in and joining them by how much of them changed, with somebody who looks once a second; 1,000
 * probes with few flows; and the memory of 100 probes with 1,353 flows each. Each part runs in a process of its own.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { FlowStore } from '../../src/app/flows/flow-store.js';
import { INTERVAL_MS, START_MS, StatedFleet } from './stated-fleet.js';

const HOSTS = 100;
const ENDPOINTS = 1_353;
const ROUNDS = 20;
const MEBIBYTE = 1024 * 1024;
const SETTINGS = { windowMs: 15_000, maxFlows: 1_000_000, maxFlowsPerProbe: 200_000, maxBytes: 2e9 };

/** Milliseconds of CPU. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** What lives on the heap; resident memory has garbage of the simulated fleet, too. */
function heapMib(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / MEBIBYTE;
}

/** Once a second somebody looks; the fleet's statements come evenly. @returns CPU, ms */
function run(fleet: StatedFleet, store: FlowStore, share: number, rounds: number): number {
  let nowMs = START_MS + INTERVAL_MS;
  let spentMs = 0;
  let looked = 0;
  for (let round = 0; round < rounds; round++) {
    for (let host = 0; host < fleet.hosts; host++) {
      nowMs += INTERVAL_MS / fleet.hosts;
      const statement = fleet.next(host, share, nowMs);
      const before = cpuMs();
      store.state(statement.probe, statement, nowMs);
      if (nowMs - looked >= 1_000) {
        looked = nowMs;
        store.flows(nowMs);
      }
      if (round > 3) spentMs += cpuMs() - before;
    }
  }
  return spentMs;
}

const PARTS: Readonly<Record<string, () => void>> = {
  statements: () => {
    for (const share of [0, 0.02, 0.1]) {
      const fleet = new StatedFleet(HOSTS, ENDPOINTS);
      const spentMs = run(fleet, new FlowStore(SETTINGS), share, ROUNDS);
      const each = spentMs / ((ROUNDS - 4) * HOSTS);
      console.log(
        `a statement of ${ENDPOINTS} flows, ${share * 100} % changed: ${each.toFixed(3)} ms CPU, joined`,
      );
    }
  },
  'many probes': () => {
    const fleet = new StatedFleet(1_000, 60);
    const store = new FlowStore(SETTINGS);
    const spentMs = run(fleet, store, 0.1, ROUNDS);
    const share = spentMs / ((ROUNDS - 4) * INTERVAL_MS);
    console.log(`1,000 probes of 60 flows, 10 % changed every 5 s: ${(share * 100).toFixed(1)} % of a core`);
  },
  memory: () => {
    const fleet = new StatedFleet(HOSTS, ENDPOINTS);
    const before = heapMib();
    const store = new FlowStore(SETTINGS);
    run(fleet, store, 0.1, ROUNDS);
    const { flows, bytes } = store.counts();
    const grown = heapMib() - before;
    console.log(
      `${flows} flows of ${HOSTS} probes: ${grown.toFixed(0)} MiB of heap beside their definitions, estimated with them ${(bytes / MEBIBYTE).toFixed(0)} MiB`,
    );
  },
};

const part = process.argv[2];
if (part !== undefined) PARTS[part]!();
else {
  for (const name of Object.keys(PARTS)) {
    const child = fork(fileURLToPath(import.meta.url), [name], { execArgv: ['--expose-gc'] });
    await once(child, 'exit');
  }
}
