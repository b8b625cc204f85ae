/**
 * Two hosts with a probe each, whatever happens to their connections and statements, and what the app's store must say:
 * worked out from the list of connections, one by one.
 */
import { FlowStore } from '../../src/app/flows/flow-store.js';
import type { FlowDefinition } from '../../src/flows/flow.js';
import type { Statement } from '../../src/flows/statement.js';
import type { Random } from './random.js';
import { flowOf, StatedTable, type Connection } from './stated-table.js';

export const WINDOW_MS = 15_000;
const SETTINGS = { windowMs: WINDOW_MS, maxFlows: 100_000, maxFlowsPerProbe: 50_000, maxBytes: 1e9 };
const T0 = 1_800_000_000_000;
/** So short that flows go while the window still has them … */
const SHORT_IDLE_MS = 5_000;
/** … or longer than the window, so that an app that is started anew learns of all that is in it. */
const LONG_IDLE_MS = 60_000;
const A = '10.0.0.1';
const B = '10.0.0.2';
const OUTSIDE = '203.0.113.9';

/** A connection as a statement has it. */
interface Known {
  readonly real: Real;
  readonly definition: FlowDefinition;
  readonly closedMs: number | undefined;
}

/** A connection, however many probes and epochs know it. */
interface Real {
  readonly port: number;
  /** Host → how it is stated there, and what becomes known of it. */
  readonly stated: Map<
    string,
    { now: FlowDefinition; later: FlowDefinition | undefined; first?: FlowDefinition }
  >;
  isClosed: boolean;
}

/** One epoch of a host's probe. */
class Epoch {
  readonly table: StatedTable;
  readonly connections = new Map<Real, Connection>();
  /** Seq → what the state was. */
  readonly states = new Map<number, readonly Known[]>();
  readonly sent: Statement[] = [];
  confirmed = 0;
  /** Times and seqs that the present store took. */
  taken: { readonly seq: number; readonly atMs: number }[] = [];

  constructor(table: StatedTable) {
    this.table = table;
  }
}

export class FlowModel {
  store = new FlowStore(SETTINGS);
  nowMs = T0;
  readonly #random: Random;
  readonly #idleMs: number;
  readonly #real = new Set<Real>();
  /** Host → its epochs, oldest first. */
  readonly #epochs = new Map<string, Epoch[]>();
  /** Hosts whose probe does not run. */
  readonly #down = new Set<string>();

  constructor(random: Random) {
    this.#random = random;
    this.#idleMs = random.pick([SHORT_IDLE_MS, LONG_IDLE_MS]);
    for (const host of ['a', 'b']) {
      this.#epochs.set(host, []);
      this.#startProbe(host);
    }
  }

  /** Something happens. @returns what */
  step(): string {
    const random = this.#random;
    this.nowMs += 1 + random.below(400);
    const what = random.below(100);
    if (what < 40) return this.#open();
    if (what < 55) return this.#close();
    if (what < 65) return this.#learn();
    if (what < 94) return this.#tick(random.pick(['a', 'b']));
    if (what < 96) return this.#redeliver();
    if (what < 98) return this.#restartApp();
    return this.#toggleProbe(random.pick(['a', 'b']));
  }

  /** Epochs of one host that the window has, at most. Of more than one, what happened between them nobody saw. */
  get epochs(): number {
    return Math.max(...[...this.#epochs.values()].map((epochs) => this.#heard(epochs).length));
  }

  /** Host, side and flow → connections of the window, as it must be. @param only one epoch of each host, by its age: 0 is the newest */
  expected(only?: number): Map<string, number> {
    const sums = new Map<string, number>();
    for (const [host, epochs] of this.#epochs) {
      const counted = new Map<Real, string>();
      const heard = this.#heard(epochs);
      for (const [age, epoch] of heard.toReversed().entries()) {
        if (only !== undefined && age !== only) continue;
        const thenMs = this.#thenOf(epoch);
        for (const { real, definition, closedMs } of epoch.states.get(epoch.taken.at(-1)!.seq)!) {
          if (closedMs !== undefined && closedMs <= thenMs) continue;
          if (!counted.has(real)) counted.set(real, rowKey(host, definition));
        }
      }
      for (const key of counted.values()) sums.set(key, (sums.get(key) ?? 0) + 1);
    }
    return sums;
  }

  /** The same as the store has it: rows by the clients' hosts, columns by the servers'. */
  actual(): Map<string, number> {
    const sums = new Map<string, number>();
    const add = (key: string, count: number): void => {
      if (count > 0) sums.set(key, (sums.get(key) ?? 0) + count);
    };
    for (const { client, server, via, byClient, byServer } of this.store.flows(this.nowMs)) {
      const place = `${client.address} ${server.address}:${server.port} ${via}`;
      const pid = (end: typeof client): string => String(end.process?.pid ?? '-');
      if (client.host !== undefined && client.host === server.host)
        add(`${client.host} whole ${place} ${pid(client)} ${pid(server)}`, byClient!.connections);
      else {
        if (byClient !== undefined) add(`${client.host!} row ${place} ${pid(client)}`, byClient.connections);
        if (byServer !== undefined)
          add(`${server.host!} column ${place} ${pid(server)}`, byServer.connections);
      }
    }
    return sums;
  }

  /** Epochs that the window has. */
  #heard(epochs: readonly Epoch[]): readonly Epoch[] {
    const heard = epochs.filter(({ taken }) => taken.length > 0);
    return heard.filter(
      ({ taken }, i) => i === heard.length - 1 || taken.at(-1)!.atMs > this.nowMs - WINDOW_MS,
    );
  }

  #thenOf({ taken, table }: Epoch): number {
    const beginMs = this.nowMs - WINDOW_MS;
    const then = taken.findLast(({ atMs }) => atMs <= beginMs);
    if (then !== undefined) return then.atMs;
    const first = taken[0]!.atMs;
    return table.epoch > first - WINDOW_MS ? table.epoch : first;
  }

  #open(): string {
    const random = this.#random;
    const port = 40_000 + random.below(30);
    const kind = random.pick(['local', 'across', 'out', 'in', 'service']);
    const client = 1 + random.below(3);
    const server = 11 + random.below(3);
    // What is not known yet is learnt later, or never.
    const late = (known: number): number | undefined => (random.chance(0.3) ? undefined : known);
    const stated: Real['stated'] = new Map();
    if (kind === 'local') {
      const local = (pid: number | undefined): FlowDefinition =>
        flowOf(A, `${A}:90`, { pid, isHere: true }, { pid: server, isHere: true });
      stated.set('a', { now: local(late(client)), later: local(client), first: local(undefined) });
    }
    if (kind === 'across') {
      const row = (pid: number | undefined): FlowDefinition =>
        flowOf(A, `${B}:80`, { pid, isHere: true }, {});
      const column = (pid: number | undefined): FlowDefinition =>
        flowOf(A, `${B}:80`, {}, { pid, isHere: true });
      stated.set('a', { now: row(late(client)), later: row(client), first: row(undefined) });
      stated.set('b', { now: column(late(server)), later: column(server), first: column(undefined) });
    }
    if (kind === 'out') {
      // Its direction is a guess at first.
      const out = flowOf(A, `${OUTSIDE}:443`, { pid: client }, {});
      const guess = flowOf(OUTSIDE, `${A}:443`, {}, { pid: client });
      stated.set('a', { now: random.chance(0.3) ? guess : out, later: out });
    }
    if (kind === 'in')
      stated.set('b', { now: flowOf(OUTSIDE, `${B}:80`, {}, { pid: server }), later: undefined });
    if (kind === 'service') {
      const dialled = '10.96.0.1:80';
      const real = flowOf(A, `${OUTSIDE}:8080`, { pid: client }, {}, { via: dialled });
      const unresolved = flowOf(A, dialled, { pid: client }, {});
      stated.set('a', { now: random.chance(0.5) ? unresolved : real, later: real });
    }
    const connection: Real = { port, stated, isClosed: false };
    if ([...stated.keys()].some((host) => this.#down.has(host))) return 'nothing: no probe';
    this.#real.add(connection);
    for (const [host, { now }] of stated) {
      const epoch = this.#epoch(host);
      epoch.connections.set(connection, epoch.table.open(now, port, { atMs: this.nowMs }));
    }
    return `open ${kind}`;
  }

  #close(): string {
    const open = [...this.#real].filter(({ isClosed }) => !isClosed);
    if (open.length === 0) return 'nothing to close';
    const real = this.#random.pick(open);
    real.isClosed = true;
    for (const host of real.stated.keys()) {
      const connection = this.#epoch(host).connections.get(real);
      if (connection !== undefined && !this.#down.has(host)) connection.closedMs = this.nowMs;
    }
    return 'close';
  }

  #learn(): string {
    const open = [...this.#real].filter(({ isClosed }) => !isClosed);
    if (open.length === 0) return 'nothing to learn';
    const real = this.#random.pick(open);
    for (const [host, stated] of real.stated) {
      if (stated.later === undefined || this.#down.has(host)) continue;
      stated.now = stated.later;
      const connection = this.#epoch(host).connections.get(real);
      if (connection !== undefined) connection.definition = stated.now;
    }
    return 'learn';
  }

  /** The probe takes its state, and states it; whatever may happen to a statement on its way. */
  #tick(host: string): string {
    if (this.#down.has(host)) return 'no tick: no probe';
    const epoch = this.#epoch(host);
    this.nowMs += 1_000;
    const seq = epoch.table.tick(this.nowMs, epoch.confirmed);
    epoch.states.set(
      seq,
      [...epoch.connections].map(([real, { definition, closedMs }]) => ({ real, definition, closedMs })),
    );
    const statement = epoch.table.statement(epoch.confirmed);
    epoch.sent.push(statement);
    const fate = this.#random.below(10);
    if (fate < 2) return `tick ${host}, lost`;
    this.#deliver(epoch, statement, fate !== 2);
    if (fate === 3) this.#deliver(epoch, statement, true);
    return `tick ${host}${fate === 2 ? ', answer lost' : ''}${fate === 3 ? ', twice' : ''}`;
  }

  #redeliver(): string {
    const epoch = this.#epoch(this.#random.pick(['a', 'b']));
    if (epoch.sent.length === 0) return 'nothing to deliver again';
    this.#deliver(epoch, this.#random.pick(epoch.sent), true);
    return 'an old statement again';
  }

  #deliver(epoch: Epoch, statement: Statement, isAnswerHeard: boolean): void {
    const { table } = epoch;
    const answer = this.store.state(table.probe, statement, statement.atMs);
    const last = epoch.taken.at(-1)?.seq ?? 0;
    if (answer.taken && statement.seq > last) epoch.taken.push({ seq: statement.seq, atMs: statement.atMs });
    if (!isAnswerHeard) return;
    if (answer.taken) epoch.confirmed = Math.max(epoch.confirmed, answer.seq);
    else if (statement.base !== 0 && statement.seq === table.seq) {
      this.#deliver(epoch, table.statement(0), true);
    }
  }

  #restartApp(): string {
    if (this.#idleMs < WINDOW_MS) return 'app goes on';
    this.store = new FlowStore(SETTINGS);
    for (const epochs of this.#epochs.values()) for (const epoch of epochs) epoch.taken = [];
    return 'app restarts';
  }

  /** Killed, or started again after something closed meanwhile. */
  #toggleProbe(host: string): string {
    if (!this.#down.has(host)) {
      this.#down.add(host);
      return `probe ${host} is killed`;
    }
    this.#down.delete(host);
    this.#startProbe(host);
    return `probe ${host} starts`;
  }

  #startProbe(host: string): void {
    const epochs = this.#epochs.get(host)!;
    const table = new StatedTable(host, `probe-${host}-${epochs.length}`, this.nowMs, {
      portsMs: WINDOW_MS,
      idleMs: this.#idleMs,
    });
    const epoch = new Epoch(table);
    for (const real of this.#real) {
      const stated = real.stated.get(host);
      if (stated === undefined || real.isClosed) continue;
      // Of what was there before, the process may be learnt late; its direction is what it was taken for.
      const before = statedLast(epochs, real);
      if (before !== undefined && isTurned(before, stated.now)) stated.now = before;
      if (isTurned(stated.now, stated.later ?? stated.now)) stated.later = undefined;
      if (stated.first !== undefined && this.#random.chance(0.3)) stated.now = stated.first;
      epoch.connections.set(real, table.open(stated.now, real.port, { isAdopted: true }));
    }
    epochs.push(epoch);
  }

  #epoch(host: string): Epoch {
    return this.#epochs.get(host)!.at(-1)!;
  }
}

/** As the last epoch's newest statement had it. */
function statedLast(epochs: readonly Epoch[], real: Real): FlowDefinition | undefined {
  const epoch = epochs.at(-1);
  const last = epoch?.taken.at(-1);
  return last && epoch?.states.get(last.seq)?.find((known) => known.real === real)?.definition;
}

function isTurned(one: FlowDefinition, other: FlowDefinition): boolean {
  return one.client.address !== other.client.address;
}

function rowKey(host: string, { client, server, via }: FlowDefinition): string {
  const place = `${client.address} ${server.address}:${server.port} ${via}`;
  const pid = (end: typeof client): string => String(end.process?.pid ?? '-');
  if (client.isHere && server.isHere) return `${host} whole ${place} ${pid(client)} ${pid(server)}`;
  return client.isHere ? `${host} row ${place} ${pid(client)}` : `${host} column ${place} ${pid(server)}`;
}
