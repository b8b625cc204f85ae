/** Connections by real processes that tell the truth about them: how many, whose, in which direction, in which network. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { assertFailuresSeen } from '../../ebpf/failing-scenario.js';
import { held, ofServer } from '../../ebpf/held-connections.js';
import { assertTrue, inNamespace, watch } from '../../ebpf/seen-scenario.js';
import { createNamespace } from '../../support/namespace.js';
import { runScenario } from '../../support/scenario.js';
import { countSockets } from '../../support/socket-records.js';
import { EVERY_RUNG, optionsOf, type Check } from './check.js';

const CHURN = fileURLToPath(new URL('../../../churn', import.meta.url));
const SHORT_CONNECTIONS = 500;

const HARD_KINDS = [
  'mapped',
  'self-connect',
  'reused-tuple',
  'prefork',
  'child-serves',
  'passed-descriptor',
  'activated',
  'threads',
  'io-uring',
  'killed-client',
  'killed-server',
  'reset-at-once',
] as const;

/** All connections of some scenarios, seen by one source. */
function scenarios(name: string, commands: readonly (readonly string[])[]): Check {
  return {
    name,
    rungs: EVERY_RUNG,
    run: async (t, rung) => {
      const seen = await watch(t, optionsOf(rung));
      const made = [];
      for (const command of commands) {
        const netns = createNamespace(t);
        made.push({ netns, truth: (await runScenario(t, netns, command)).truth });
      }
      const nodes = await seen.nodes();
      for (const { netns, truth } of made) assertTrue(nodes, truth, inNamespace(netns));
    },
  };
}

interface Churned {
  readonly pid: number;
  readonly port: number;
  readonly connections: number;
}

export const connections: readonly Check[] = [
  {
    name: `${SHORT_CONNECTIONS} short connections of four threads, each end once`,
    rungs: EVERY_RUNG,
    run: async (t, rung) => {
      const netns = createNamespace(t);
      const seen = await watch(t, optionsOf(rung));
      const command = ['netns', 'exec', netns.name, CHURN, '-n', String(SHORT_CONNECTIONS), '-c', '4'];
      const { stdout } = await promisify(execFile)('ip', command);
      const { connections: made } = JSON.parse(stdout) as Churned;
      assert.ok(made >= SHORT_CONNECTIONS);
      const { live, closed } = countSockets(await seen.source.snapshot(), netns.inode);
      assert.deepEqual({ live, closed }, { live: 0, closed: made * 2 });
    },
  },
  scenarios('processes and directions, IPv4', [['short'], ['whole-loopback']]),
  scenarios('processes and directions, IPv6', [['short', '::1']]),
  scenarios(
    'who really uses it: passed on, forked, threads, killed, reset …',
    HARD_KINDS.map((kind) => [kind]),
  ),
  {
    name: 'two network namespaces joined by veth',
    rungs: EVERY_RUNG,
    run: async (t, rung) => {
      const seen = await watch(t, optionsOf(rung));
      const { truth } = await held(t);
      assertTrue(await seen.nodes(), [truth], ofServer);
    },
  },
  ...(['127.0.0.1', '::1'] as const).map<Check>((address) => ({
    name: `failed connects by reason, over ${address}`,
    rungs: EVERY_RUNG,
    run: (t, rung) => assertFailuresSeen(t, address, optionsOf(rung)),
  })),
];
