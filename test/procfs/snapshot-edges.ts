/** Takes a snapshot of /proc and reads the edges to one port out of it. */
import type { TestContext } from 'node:test';
import { createProcfsSource, type ProcfsOptions } from '../../src/probe/connections/procfs/index.js';
import type { ConnectionSource } from '../../src/probe/records/source.js';
import { buildEndpoints } from '../../src/probe/topology/index.js';
import { now } from '../../src/report/model/timestamp.js';
import { edgesOf, type Edge } from '../probe-flows/edges.js';

export async function openProcfs(t: TestContext, options: ProcfsOptions = {}): Promise<ConnectionSource> {
  const source = await createProcfsSource(options);
  t.after(() => source.close());
  return source;
}

export async function edgesTo(source: ConnectionSource, port: string): Promise<Edge[]> {
  const { records, recordCount } = await source.snapshot();
  const endpoints = buildEndpoints({
    records,
    recordCount,
    hostName: 'vm',
    now: now(),
    names: () => undefined,
  });
  return edgesOf(endpoints).filter(({ to }) => to.endsWith(`;${port}`));
}
