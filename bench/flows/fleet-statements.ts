/** What the probe of one machine of the simulated fleet states, beside what it reports: made from the same report. */
import {
  Num,
  NO_FAILURES,
  NUMBERS,
  PORTS_MAX,
  type FlowDefinition,
  type FlowState,
} from '../../src/flows/flow.js';
import type { StatedFacts, StatedFlow, Statement } from '../../src/flows/statement.js';
import { parseEndpointNodeId, toMillis } from '../../src/report/index.js';
import type { Metric, Node, Report, TopologyKey } from '../../src/report/model/model.js';

const BYTES_PER_CONNECTION = 12_345;
const RTT_MICROS = 350;

interface Stated {
  readonly definition: FlowDefinition;
  readonly ports: number[];
  connections: number;
}

/** States the reports of one machine, one after the other. */
export class MachineStatements {
  readonly #ids = new Map<string, number>();
  #flows = new Map<string, { readonly definition: FlowDefinition; readonly state: FlowState }>();
  #facts = new Map<TopologyKey, ReadonlyMap<string, Node>>();
  #seq = 0;

  /** What `report` changes of the one before; everything the first time. */
  next(report: Report): Statement {
    const base = this.#seq++;
    const before = this.#flows;
    const now = new Map(Array.from(flowsOf(report), ([key, flow]) => [key, stateOf(flow)]));
    this.#flows = now;
    const flows: StatedFlow[] = [];
    for (const [key, { definition, state }] of now) {
      const known = before.get(key);
      if (known !== undefined && isSame(known.state, state)) continue;
      flows.push({ id: this.#idOf(key), ...(known === undefined && { definition }), state });
    }
    const gone = [...before.keys()].filter((key) => !now.has(key)).map((key) => this.#idOf(key));
    return {
      version: 1,
      probe: '0123456789abcdef',
      epoch: 1_795_244_936_000,
      seq: this.#seq,
      base,
      host: 'node-0.example',
      atMs: report.timestamp === undefined ? 0 : toMillis(report.timestamp),
      intervalMs: 3000,
      flows: flows.sort((a, b) => a.id - b.id),
      gone: gone.sort((a, b) => a - b),
      facts: this.#factsOf(report),
      dns: report.dns,
    };
  }

  #idOf(key: string): number {
    let id = this.#ids.get(key);
    if (id === undefined) this.#ids.set(key, (id = this.#ids.size));
    return id;
  }

  /** Nodes with other values than before, and metrics of the others: they are never the same here. */
  #factsOf(report: Report): Map<TopologyKey, StatedFacts> {
    const facts = new Map<TopologyKey, StatedFacts>();
    for (const [key, { nodes, ...frame }] of report.topologies) {
      if (key === 'Endpoint') continue;
      const known = this.#facts.get(key);
      const changed = [...nodes].filter(([id, node]) => {
        const before = known?.get(id);
        return before === undefined || valuesOf(before) !== valuesOf(node);
      });
      const changedNodes = new Map(changed);
      const metrics = new Map<string, ReadonlyMap<string, Metric>>();
      for (const [id, node] of nodes)
        if (node.metrics !== undefined && !changedNodes.has(id)) metrics.set(id, node.metrics);
      if (changedNodes.size + metrics.size > 0)
        facts.set(key, { nodes: changedNodes, metrics, gone: [], ...(known === undefined && { frame }) });
      this.#facts.set(key, nodes);
    }
    return facts;
  }
}

/** By client address, process and server. */
function flowsOf(report: Report): Map<string, Stated> {
  const flows = new Map<string, Stated>();
  for (const { id, adjacency, latest } of report.topologies.get('Endpoint')?.nodes.values() ?? []) {
    const dialled = adjacency?.at(-1);
    if (dialled === undefined || latest?.has('copy_of')) continue;
    const client = parseEndpointNodeId(id);
    const server = parseEndpointNodeId(dialled);
    if (client === undefined || server === undefined) continue;
    const pid = Number(latest?.get('pid')?.value ?? 0);
    const key = `${client.address} ${pid} ${server.address} ${server.port}`;
    let flow = flows.get(key);
    if (flow === undefined) {
      const process = pid === 0 ? undefined : { pid, startTicks: pid * 977, name: `service-${pid % 50}` };
      const definition: FlowDefinition = {
        kind: 'ends',
        scope: client.scope,
        client: {
          ...{ address: client.address, isHere: pid !== 0, netns: 4_026_531_840, evidence: 'socket' },
          process,
        },
        server: { address: server.address, port: Number(server.port), isHere: false, netns: 0 },
        ...{ via: '', clientVia: '', direction: 'handshake', nat: '' },
      };
      flows.set(key, (flow = { definition, ports: [], connections: 0 }));
    }
    flow.ports.push(Number(client.port));
    flow.connections += Number(latest?.get('conn_count')?.value ?? 1);
  }
  return flows;
}

function stateOf({ definition, ports, connections }: Stated): {
  definition: FlowDefinition;
  state: FlowState;
} {
  const numbers = new Float64Array(NUMBERS);
  numbers[Num.Opened] = connections;
  numbers[Num.Live] = connections;
  numbers[Num.BytesSent] = connections * BYTES_PER_CONNECTION;
  numbers[Num.BytesReceived] = connections * BYTES_PER_CONNECTION * 7;
  numbers[Num.ConnectMicrosSum] = connections * RTT_MICROS;
  numbers[Num.ConnectCount] = connections;
  numbers[Num.RttMicrosSum] = connections * RTT_MICROS;
  numbers[Num.RttCount] = connections;
  const kept = Uint16Array.from(new Set(ports)).sort().subarray(0, PORTS_MAX);
  const standsFor = new Uint32Array(kept.length).fill(1);
  return {
    definition,
    state: { numbers, failed: NO_FAILURES, ports: { modulus: 1, ports: kept, standsFor } },
  };
}

function isSame(a: FlowState, b: FlowState): boolean {
  return a.numbers.join() === b.numbers.join() && a.ports.ports.join() === b.ports.ports.join();
}

function valuesOf({ latest, sets, parents }: Node): string {
  const values = Array.from(latest ?? [], ([key, { value }]) => [key, value]);
  return JSON.stringify([values, [...(sets ?? [])], [...(parents ?? [])]]);
}
