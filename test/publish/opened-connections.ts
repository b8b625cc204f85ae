/**
 * A small table of flows that only ever open connections, each closed at once: what the tests of delivery deliver from.
 * Its truth is the number of connections opened.
 */
import {
  NO_FAILURES,
  NO_PORTS,
  Num,
  NUMBERS,
  type FlowDefinition,
  type FlowState,
} from '../../src/flows/flow.js';
import type { ReportMark, StatedSource } from '../../src/flows/stated.js';
import type { StatedFlow, Statement } from '../../src/flows/statement.js';
import { activityBetween } from '../../src/flows/window.js';
import { endpointNodeId, fromMillis } from '../../src/report/index.js';
import type { Latest, Node, Report } from '../../src/report/model/model.js';

const SERVER = { address: '192.0.2.1', port: 443 };
const CLIENT = '10.0.0.1';
const FIRST_PORT = 40_000;

interface Row {
  state: FlowState;
  readonly definedSeq: number;
  changedSeq: number;
}

export class OpenedConnections implements StatedSource {
  seq = 0;
  /** Of all flows. */
  opened = 0;
  readonly #rows: Row[] = [];
  readonly #epoch = 1_795_244_936_000;

  constructor(private readonly probeId: string) {}

  /** A new state: so many more connections of the first flow, of the second … */
  open(counts: readonly number[]): void {
    this.seq++;
    for (const [id, count] of counts.entries()) {
      const row = (this.#rows[id] ??= {
        state: { numbers: new Float64Array(NUMBERS), failed: NO_FAILURES, ports: NO_PORTS },
        definedSeq: this.seq,
        changedSeq: this.seq,
      });
      const numbers = Float64Array.from(row.state.numbers);
      numbers[Num.Opened]! += count;
      numbers[Num.Closed]! += count;
      row.state = { ...row.state, numbers };
      row.changedSeq = this.seq;
      this.opened += count;
    }
  }

  statementSince(base: number): Statement {
    const flows: StatedFlow[] = [];
    for (const [id, { state, definedSeq, changedSeq }] of this.#rows.entries()) {
      if (changedSeq <= base) continue;
      flows.push({ id, ...(definedSeq > base && { definition: definitionOf(id) }), state });
    }
    return {
      version: 1,
      probe: this.probeId,
      epoch: this.#epoch,
      seq: this.seq,
      base,
      host: 'h',
      atMs: this.#epoch + this.seq,
      intervalMs: 3000,
      flows,
      gone: [],
      facts: new Map(),
      dns: new Map(),
    };
  }

  reportSince(since: ReportMark | undefined): { report: Report; mark: ReportMark } {
    const atMs = this.#epoch + this.seq;
    const timestamp = fromMillis(atMs);
    const server = endpointNodeId('', SERVER.address, SERVER.port);
    const nodes = new Map<string, Node>([[server, { id: server, topology: 'endpoint' }]]);
    for (const [flow, { state }] of this.#rows.entries()) {
      const { connections } = activityBetween(since?.states.get(flow)?.numbers, state.numbers);
      if (connections === 0) continue;
      const id = endpointNodeId('', CLIENT, FIRST_PORT + flow);
      const latest = new Map<string, Latest>([['conn_count', { timestamp, value: String(connections) }]]);
      nodes.set(id, { id, topology: 'endpoint', latest, adjacency: [server] });
    }
    const report: Report = {
      id: String(this.seq),
      timestamp,
      topologies: new Map([['Endpoint', { nodes }]]),
      dns: new Map(),
      windowNanos: 3e9,
    };
    const states = new Map(this.#rows.map(({ state }, id) => [id, state]));
    return { report, mark: { seq: this.seq, atMs, states } };
  }
}

function definitionOf(id: number): FlowDefinition {
  return {
    kind: 'ends',
    scope: '',
    client: {
      address: CLIENT,
      isHere: true,
      netns: 1,
      process: { pid: 100 + id, startTicks: 1, name: 'client' },
      evidence: 'socket',
    },
    server: { ...SERVER, isHere: false, netns: 0 },
    via: '',
    clientVia: '',
    direction: 'handshake',
    nat: '',
  };
}
