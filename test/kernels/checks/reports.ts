/** What the command line reports: servers found behind translated addresses, and how complete it is. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connectOver, ROUTES, SERVER_PORT } from '../../conntrack/nat-network.js';
import { edgesTo } from '../../support/edges.js';
import { reportWhile } from '../../support/report-while.js';
import { EVERY_RUNG, FILES_RUNGS, type Check } from './check.js';

const CHURN = fileURLToPath(new URL('../../../churn', import.meta.url));
const SHORT_CONNECTIONS = 500;

/** The rung is in the environment of the suite, and so in that of the command. */
export const reports: readonly Check[] = [
  {
    name: 'DNAT: the server behind it is found',
    rungs: FILES_RUNGS,
    run: async (t) => {
      const route = ROUTES.find(({ name }) => name === 'DNAT');
      assert.ok(route !== undefined);
      const { clientPid, serverPid, serverAddress } = await connectOver(t, route);
      const report = await reportWhile(t, () => Promise.resolve(), { duration: '1s' });
      const edges = edgesTo(report, SERVER_PORT).map(({ to, fromPid, toPid, connections }) => {
        return `${connections}: ${fromPid ?? '?'} > ${toPid ?? '?'} at ${to}`;
      });
      assert.deepEqual(edges, [`1: ${clientPid} > ${serverPid} at ;${serverAddress};${SERVER_PORT}`]);
    },
  },
  {
    name: 'the report says that it is complete: 100 %, 0 missed',
    rungs: EVERY_RUNG,
    run: async (t) => {
      const traffic = async (): Promise<void> => {
        await promisify(execFile)(CHURN, ['-n', String(SHORT_CONNECTIONS), '-c', '2']);
      };
      const report = await reportWhile(t, traffic, { duration: '5s' });
      const [host] = Object.values(report.Host.nodes);
      const fact = (key: string): string | undefined => host?.latest?.[key]?.value;
      assert.ok(Number(fact('connections_opened')) >= SHORT_CONNECTIONS * 2);
      assert.deepEqual(
        [
          fact('connection_source'),
          fact('captured_percent'),
          fact('connections_missed'),
          fact('records_lost'),
        ],
        ['ebpf', '100', '0', '0'],
      );
    },
  },
];
