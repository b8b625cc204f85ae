/** A fleet's statements without a probe: hosts of which each states flows to and from others, a share of them changed each time. */
import { NO_FAILURES, Num, NUMBERS, type FlowDefinition, type FlowState } from '../../src/flows/flow.js';
import { STATEMENT_VERSION, type Statement, type StatedFlow } from '../../src/flows/statement.js';
import { Random } from '../../test/support/random.js';

export const START_MS = 1_800_000_000_000;
export const INTERVAL_MS = 5_000;

interface Kept {
  readonly definition: FlowDefinition;
  state: FlowState;
}

export class StatedFleet {
  readonly #random = new Random(1);
  /** By host; a flow from one to the other is in both. */
  readonly #flows: Kept[][];
  readonly #seqs: number[];

  constructor(hosts: number, flowsPerHost: number) {
    this.#flows = Array.from({ length: hosts }, () => []);
    this.#seqs = Array.from({ length: hosts }, () => 0);
    for (let host = 0; host < hosts; host++) {
      for (let i = 0; i < flowsPerHost / 2; i++) {
        const there = (host + 1 + (i % (hosts - 1))) % hosts;
        const client = { address: addressOf(host), netns: 0 };
        const server = { address: addressOf(there), port: 1_024 + i, netns: 0 };
        const of = (pid: number): object => ({
          process: { pid, startTicks: pid, name: `service-${pid}` },
          evidence: 'socket',
          isHere: true,
        });
        const isNot = { isHere: false };
        this.#add(host, { ...client, ...of(100 + (i % 40)) } as Client, { ...server, ...isNot });
        this.#add(there, { ...client, ...isNot }, { ...server, ...of(500 + (i % 40)) } as Server);
      }
    }
  }

  get hosts(): number {
    return this.#flows.length;
  }

  /** The next statement of a host. @param share of its flows that changed since the last one */
  next(host: number, share: number, atMs: number): Statement {
    const flows: StatedFlow[] = [];
    const seq = ++this.#seqs[host]!;
    this.#flows[host]!.forEach((kept, i) => {
      const isNew = seq === 1;
      if (!isNew && !this.#random.chance(share)) return;
      kept.state = this.#stateAfter(kept.state);
      flows.push({ id: i + 1, ...(isNew ? { definition: kept.definition } : {}), state: kept.state });
    });
    return {
      version: STATEMENT_VERSION,
      probe: `probe-${host}`,
      epoch: START_MS,
      seq,
      base: seq - 1,
      host: `node-${host}`,
      atMs,
      intervalMs: INTERVAL_MS,
      flows,
      gone: [],
      facts: new Map(),
      dns: new Map(),
    };
  }

  #add(host: number, client: Client, server: Server): void {
    const definition: FlowDefinition = {
      kind: 'ends',
      scope: '',
      client,
      server,
      via: '',
      clientVia: '',
      direction: 'handshake',
      nat: '',
    };
    const state = { numbers: new Float64Array(NUMBERS), failed: NO_FAILURES, ports: this.#ports() };
    this.#flows[host]!.push({ definition, state });
  }

  #ports(): FlowState['ports'] {
    const count = 1 + this.#random.below(3);
    const ports = Uint16Array.from({ length: count }, () => 30_000 + this.#random.below(30_000)).sort();
    return { modulus: 1, ports, standsFor: new Uint32Array(count).fill(1) };
  }

  #stateAfter({ numbers, failed }: FlowState): FlowState {
    const next = numbers.slice();
    const opened = 1 + this.#random.below(3);
    next[Num.Opened]! += opened;
    next[Num.Closed]! += opened - 1;
    next[Num.Live]! += 1;
    next[Num.BytesSent]! += this.#random.below(10_000);
    next[Num.BytesReceived]! += this.#random.below(100_000);
    return { numbers: next, failed, ports: this.#ports() };
  }
}

type Client = FlowDefinition['client'];
type Server = FlowDefinition['server'];

function addressOf(host: number): string {
  return `10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`;
}
