/** What the eBPF source sees of scenarios (test/support/scenario.ts), held against the truth. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { EbpfSourceOptions } from '../../src/probe/connections/ebpf/ebpf-source.js';
import { createProcessReporter } from '../../src/probe/processes/index.js';
import type { Node } from '../../src/report/model/model.js';
import type { ConnectionSource } from '../../src/probe/records/source.js';
import type { Namespace } from '../support/namespace.js';
import { startEbpf } from '../support/rung.js';
import type { Truth } from '../support/scenario.js';
import { WatchedSource } from '../support/watched-source.js';

export interface Seen {
  readonly source: ConnectionSource;
  /** Everything since the start, as endpoint nodes. */
  nodes(): Promise<ReadonlyMap<string, Node>>;
}

export async function watch(t: TestContext, options: EbpfSourceOptions = {}): Promise<Seen> {
  const source = await startEbpf(options);
  t.after(() => source.close());
  await source.seeded();
  const processes = createProcessReporter({ hostName: 'vm' });
  t.after(() => processes.close());
  const watched = new WatchedSource(source, {
    reporters: [processes],
    knowledge: {
      startTicksOf: (pid) => processes.startTicksOf(pid),
      formerName: (_pid, _start, comm) => comm,
    },
  });
  return {
    source,
    async nodes() {
      const { nodes, snapshot } = await watched.last();
      assert.equal(snapshot.lost, 0);
      assert.deepEqual(snapshot.completeness?.namespaces, [], 'the kernel counted no more than was seen');
      return nodes;
    },
  };
}

const portOf = (id: string): number => Number(id.slice(id.lastIndexOf(';') + 1));
export const fact = (node: Node | undefined, key: string): string | undefined =>
  node?.latest?.get(key)?.value;

const processOf = (node: Node | undefined): string => {
  const gone = fact(node, 'exited_pid');
  return fact(node, 'pid') ?? (gone === undefined ? '?' : `gone ${gone}`);
};

/** Connections by `client PID > server PID : port`, of edges to the given ports in the given scope. */
export function edgesTo(
  nodes: ReadonlyMap<string, Node>,
  ports: ReadonlySet<number>,
  scope: RegExp,
): Map<string, number> {
  const edges = new Map<string, number>();
  for (const [id, node] of nodes) {
    for (const to of node.adjacency ?? []) {
      if (!ports.has(portOf(to)) || !scope.test(to)) continue;
      const serverPid = fact(node, 'to_pid') ?? processOf(nodes.get(to));
      const key = `${processOf(node)} > ${serverPid} : ${portOf(to)}`;
      edges.set(key, (edges.get(key) ?? 0) + Number(fact(node, 'conn_count') ?? 1));
      assert.ok(portOf(id) !== portOf(to) || nodes.get(to) === node, 'no edge from a server port');
    }
  }
  return edges;
}

export function assertTrue(nodes: ReadonlyMap<string, Node>, truth: readonly Truth[], scope: RegExp): void {
  const expected = new Map<string, number>();
  for (const { clientPid, clientGone, serverPid, serverGone, serverPort, count } of truth) {
    // The server is gone, and its port's endpoint is another process's now: nothing more is known.
    const server = serverGone === true ? 0 : serverPid;
    const key = `${clientGone === true ? 'gone ' : ''}${clientPid} > ${server} : ${serverPort}`;
    expected.set(key, (expected.get(key) ?? 0) + count);
  }
  const ports = new Set(truth.map(({ serverPort }) => serverPort));
  const sorted = (map: Map<string, number>): [string, number][] =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(sorted(edgesTo(nodes, ports, scope)), sorted(expected));
  for (const [id, node] of nodes) {
    if (!scope.test(id) || !ports.has(portOf(id))) continue;
    const onward = (node.adjacency ?? []).filter((to) => to !== id);
    assert.deepEqual(onward, [], `a server does not connect to its clients: ${id}`);
  }
}

export const inNamespace = ({ inode }: Namespace): RegExp => new RegExp(`^vm-${inode};`);
