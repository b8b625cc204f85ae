/** A host with one neighbour, a connection to it, and no way to anywhere else. Needs root. */
import type { TestContext } from 'node:test';
import { createNamespace, joinNamespaces, type Namespace } from './namespace.js';
import { startNodeProgram } from './program.js';

export const NEIGHBOUR = '192.0.2.2';

export async function loneHost(t: TestContext): Promise<Namespace> {
  const [here, there] = [createNamespace(t), createNamespace(t)];
  joinNamespaces(here, '192.0.2.1/30', there, `${NEIGHBOUR}/30`);
  const server = await startNodeProgram(t, 'echo-server', [NEIGHBOUR], there.name);
  await startNodeProgram(t, 'held-connection', [NEIGHBOUR, server.firstLine], here.name);
  return here;
}
