/** Takes a snapshot of /proc and reads the edges to one port out of it. */
import type { TestContext } from 'node:test';
import { createProcfsSource, type ProcfsOptions } from '../../src/probe/connections/procfs/index.js';
import type { ConnectionSource } from '../../src/probe/records/source.js';
import { edgesOf, type Edge } from '../probe-flows/edges.js';
import { endpointsOf } from '../support/flow-state.js';

export async function openProcfs(t: TestContext, options: ProcfsOptions = {}): Promise<ConnectionSource> {
  const source = await createProcfsSource(options);
  t.after(() => source.close());
  return source;
}

export async function edgesTo(source: ConnectionSource, port: string): Promise<Edge[]> {
  const { records, recordCount } = await source.snapshot();
  return edgesOf(endpointsOf({ records, recordCount })).filter(({ to }) => to.endsWith(`;${port}`));
}
