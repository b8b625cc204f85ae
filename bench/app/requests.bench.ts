/**
 * How many requests a second an app answers for `/api/topology/processes` at 1,000 nodes, and how many reports it
 * takes in per second of CPU: when nobody looks (Scope's app then only keeps them), and merged, when somebody looks
 * after each round of reports; beside Scope's app where TOPOPROBE_SCOPE names its binary. Both are warm.
 * `node build/bench/app/requests.bench.js [seconds]`
 */
import { anonymousMib, cpuSeconds } from '../process-usage.js';
import { measureApps, type Subject } from './subject.js';
import { ask, bodyOf, fleetTraffic, hangUp, publish, rounded } from './traffic.js';

const PROBES = 20;
const ENDPOINTS = 400;
const NODES = 1_000;
const AT_ONCE = 8;
const MERGE_ROUNDS = 40;

const [seconds = 5] = process.argv.slice(2).map(Number);
const traffic = fleetTraffic(PROBES, ENDPOINTS, NODES);

async function measure({ name, url, pid }: Subject): Promise<void> {
  const rounds = async (count: number, look: boolean): Promise<number> => {
    const before = cpuSeconds(pid);
    for (let round = 0; round < count; round++) {
      await Promise.all(
        traffic.bodies.map((_rounds, probe) => publish(url, probe, bodyOf(traffic, probe, round))),
      );
      if (look) await ask(path);
    }
    return (count * PROBES) / (cpuSeconds(pid) - before);
  };
  const path = `${url}/api/topology/processes?unconnected=show`;
  await rounds(MERGE_ROUNDS, true);
  const takenIn = await rounds(MERGE_ROUNDS, false);
  const merged = await rounds(MERGE_ROUNDS, true);
  await ask(path);
  const cpuBefore = cpuSeconds(pid);
  const began = performance.now();
  let answered = 0;
  let bytes = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (performance.now() - began < seconds * 1_000) {
        ({ bytes } = await ask(path));
        answered++;
      }
    }),
  );
  const elapsed = (performance.now() - began) / 1_000;
  console.log(
    JSON.stringify({
      app: name,
      requestsPerSecond: Math.round(answered / elapsed),
      requestsPerCpuSecond: Math.round(answered / (cpuSeconds(pid) - cpuBefore)),
      answerBytes: bytes,
      endpointsPerReport: traffic.endpointsPerReport,
      reportsTakenInPerCpuSecond: rounded(takenIn),
      reportsMergedPerCpuSecond: rounded(merged),
      anonymousMib: Math.round(anonymousMib(pid)),
    }),
  );
}

await measureApps(measure);
hangUp();
