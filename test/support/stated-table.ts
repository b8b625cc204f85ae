/**
 * One probe's connections, kept one by one, and the statements that follow from them: slow and simple, to hold what is
 * joined against.
 */
import {
  NO_PORTS,
  Num,
  NUMBERS,
  PORTS_MAX,
  type FlowDefinition,
  type FlowPorts,
  type FlowProcess,
  type FlowState,
} from '../../src/flows/flow.js';
import { STATEMENT_VERSION, type Statement } from '../../src/flows/statement.js';

export interface Connection {
  definition: FlowDefinition;
  readonly port: number;
  /** Forwarded ones: the port as the server sees it. */
  readonly portThere: number;
  readonly openedMs: number;
  /** It was there before the probe. */
  readonly isAdopted: boolean;
  closedMs: number | undefined;
  bytes: number;
}

interface Stated {
  readonly id: number;
  readonly definition: FlowDefinition;
  state: FlowState;
  seq: number;
  changedMs: number;
}

export interface TableOptions {
  /** Ports are kept of what ended up to so long ago. */
  readonly portsMs?: number;
  /** A flow without live connections is stated for so long after its last change. */
  readonly idleMs?: number;
}

export interface EndOptions {
  readonly pid?: number | undefined;
  readonly isHere?: boolean;
}

export interface FlowOptions {
  readonly kind?: FlowDefinition['kind'];
  readonly scope?: string;
  readonly via?: string;
  readonly clientVia?: string;
}

export function processOf(pid: number): FlowProcess {
  return { pid, startTicks: pid * 7, name: `p${pid}` };
}

/** @param server `address:port` */
export function flowOf(
  client: string,
  server: string,
  clientEnd: EndOptions,
  serverEnd: EndOptions,
  { kind = 'ends', scope = '', via = '', clientVia = '' }: FlowOptions = {},
): FlowDefinition {
  const [address, port] = server.split(':') as [string, string];
  const end = (at: string, { pid, isHere = pid !== undefined }: EndOptions): FlowDefinition['client'] => ({
    address: at,
    isHere,
    netns: 0,
    ...(pid === undefined ? {} : { process: processOf(pid), evidence: 'socket' }),
  });
  return {
    kind,
    scope,
    client: end(client, clientEnd),
    server: { ...end(address, serverEnd), port: Number(port) },
    via,
    clientVia,
    direction: 'handshake',
    nat: via === '' && clientVia === '' ? '' : 'conntrack',
  };
}

export class StatedTable {
  readonly connections: Connection[] = [];
  readonly host: string;
  readonly probe: string;
  readonly epoch: number;
  seq = 0;
  atMs: number;
  /** Seq of each statement → when. */
  readonly times = new Map<number, number>();
  readonly #failed = new Map<string, { definition: FlowDefinition; reasons: Map<string, number> }>();
  readonly #stated = new Map<string, Stated>();
  readonly #gone: { id: number; seq: number }[] = [];
  readonly #options: Required<TableOptions>;
  #nextId = 1;

  constructor(host: string, probe: string, epoch: number, options: TableOptions = {}) {
    this.host = host;
    this.probe = probe;
    this.epoch = this.atMs = epoch;
    this.#options = { portsMs: 60_000, idleMs: 60_000, ...options };
  }

  open(
    definition: FlowDefinition,
    port: number,
    { atMs = this.atMs, isAdopted = false, portThere = port } = {},
  ): Connection {
    const connection: Connection = {
      definition,
      port,
      portThere,
      openedMs: atMs,
      isAdopted,
      closedMs: undefined,
      bytes: 0,
    };
    this.connections.push(connection);
    return connection;
  }

  fail(definition: FlowDefinition, reason: string, count = 1): void {
    const key = JSON.stringify(definition);
    let failed = this.#failed.get(key);
    if (failed === undefined) this.#failed.set(key, (failed = { definition, reasons: new Map() }));
    failed.reasons.set(reason, (failed.reasons.get(reason) ?? 0) + count);
  }

  /** Takes the state. @param confirmed the seq that all apps have: what they lack is not dropped */
  tick(atMs: number, confirmed = this.seq): number {
    this.seq++;
    this.atMs = atMs;
    this.times.set(this.seq, atMs);
    const groups = new Map<string, { definition: FlowDefinition; connections: Connection[] }>();
    const group = (definition: FlowDefinition): { connections: Connection[] } => {
      const key = JSON.stringify(definition);
      let one = groups.get(key);
      if (one === undefined) groups.set(key, (one = { definition, connections: [] }));
      return one;
    };
    for (const connection of this.connections) group(connection.definition).connections.push(connection);
    for (const { definition } of this.#failed.values()) group(definition);
    for (const { definition } of this.#stated.values()) group(definition);
    for (const [key, { definition, connections }] of groups) {
      const state = this.#stateOf(connections, this.#failed.get(key)?.reasons);
      const known = this.#stated.get(key);
      if (known === undefined) {
        const id = this.#nextId++;
        this.#stated.set(key, { id, definition, state, seq: this.seq, changedMs: atMs });
      } else if (textOf(known.state) !== textOf(state)) {
        known.state = state;
        known.seq = this.seq;
        known.changedMs = atMs;
      } else if (
        state.numbers[Num.Live] === 0 &&
        known.seq <= confirmed &&
        known.changedMs < atMs - this.#options.idleMs
      ) {
        this.#stated.delete(key);
        this.#gone.push({ id: known.id, seq: this.seq });
        for (const connection of connections)
          this.connections.splice(this.connections.indexOf(connection), 1);
        this.#failed.delete(key);
      }
    }
    return this.seq;
  }

  /** The statement of the newest state, for who has `base`. */
  statement(base: number, intervalMs = 5_000): Statement {
    const flows = [...this.#stated.values()]
      .filter(({ seq }) => base === 0 || seq > base)
      .sort((a, b) => a.id - b.id);
    return {
      version: STATEMENT_VERSION,
      probe: this.probe,
      epoch: this.epoch,
      seq: this.seq,
      base,
      host: this.host,
      atMs: this.atMs,
      intervalMs,
      flows: flows.map(({ id, definition, state }) => ({ id, definition, state })),
      gone:
        base === 0
          ? []
          : this.#gone
              .filter(({ seq }) => seq > base)
              .map(({ id }) => id)
              .sort((a, b) => a - b),
      facts: new Map(),
      dns: new Map(),
    };
  }

  #stateOf(connections: readonly Connection[], failed: ReadonlyMap<string, number> | undefined): FlowState {
    const numbers = new Float64Array(NUMBERS);
    for (const { isAdopted, closedMs, bytes } of connections) {
      numbers[isAdopted ? Num.Adopted : Num.Opened]!++;
      numbers[closedMs === undefined ? Num.Live : Num.Closed]!++;
      numbers[Num.BytesSent]! += bytes;
      numbers[Num.BytesReceived]! += 3 * bytes;
    }
    const recent = connections.filter(
      ({ closedMs }) => closedMs === undefined || closedMs >= this.atMs - this.#options.portsMs,
    );
    const isTranslated = recent.some(({ port, portThere }) => port !== portThere);
    const ports = portsOf(recent);
    const there = new Map(recent.map(({ port, portThere }) => [port, portThere]));
    return {
      numbers,
      failed: new Map(failed),
      ports,
      ...(isTranslated ? { portPairs: ports.ports.map((port) => there.get(port)!) } : {}),
    };
  }
}

function textOf({ numbers, failed, ports, portPairs }: FlowState): string {
  return JSON.stringify([
    [...numbers],
    [...failed],
    ports.modulus,
    [...ports.ports],
    [...ports.standsFor],
    portPairs,
  ]);
}

/** All up to 64; of more those that a power of three divides. */
function portsOf(connections: readonly Connection[]): FlowPorts {
  const counts = new Map<number, number>();
  for (const { port } of connections) counts.set(port, (counts.get(port) ?? 0) + 1);
  let modulus = 1;
  let kept = [...counts].sort(([a], [b]) => a - b);
  while (kept.length > PORTS_MAX) {
    modulus *= 3;
    kept = kept.filter(([port]) => port % modulus === 0);
  }
  if (kept.length === 0) return NO_PORTS;
  const sum = kept.reduce((all, [, count]) => all + count, 0);
  const left = connections.length - sum;
  const standsFor = kept.map(([, count], i) => {
    const share = Math.floor(left / kept.length) + (i < left % kept.length ? 1 : 0);
    return count + share;
  });
  return {
    modulus,
    ports: Uint16Array.from(kept, ([port]) => port),
    standsFor: Uint32Array.from(standsFor),
  };
}
