/** Connections between two network namespaces, kept open by a process at each end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { createNamespace, joinNamespaces, type Namespace } from '../support/namespace.js';
import { runScenario, type Truth } from '../support/scenario.js';

const CLIENT = '10.77.0.1';
const SERVER = '10.77.0.2';

export interface Held {
  readonly truth: Truth;
  readonly client: Namespace;
  readonly server: Namespace;
  readonly endClient: () => Promise<void>;
}

/** Connections between two namespaces, kept open. */
export async function held(t: TestContext): Promise<Held> {
  const [client, server] = [createNamespace(t), createNamespace(t)];
  joinNamespaces(client, `${CLIENT}/24`, server, `${SERVER}/24`);
  const listening = new Promise<Truth>((resolve, reject) => {
    const truth: Truth[] = [];
    runScenario(
      t,
      server,
      ['hold-server', SERVER],
      () => {
        resolve(truth[0]!);
      },
      (one) => truth.push(one),
    ).catch(reject);
  });
  const { serverPid, serverPort } = await listening;
  const { truth, child } = await runScenario(t, client, ['hold-client', SERVER, String(serverPort)]);
  const [one] = truth;
  assert.ok(one !== undefined);
  return {
    truth: { ...one, serverPid },
    client,
    server,
    async endClient() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Endpoints of the server's address. */
export const ofServer = /^;10\.77\.0\.2;/;
