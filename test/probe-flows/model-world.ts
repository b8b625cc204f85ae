/**
 * A small world of connections that a test drives step by step, what a source of connections reports of it at each tick, and
 * what flows must have come of that: the truth as far as it was reported.
 */
import { Direction } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import type { Socket } from './records.js';

/** One random step; the numbers choose, modulo what there is. */
export interface Step {
  readonly kind: 'open' | 'close' | 'closeEnd' | 'transfer' | 'reveal' | 'handOver' | 'brief' | 'tick';
  readonly which: number;
  readonly how: number;
}

export interface WorldOptions {
  /** Starts and ends of sockets are reported, as by eBPF; else sockets just come and go, as in /proc. */
  readonly reportsEnds: boolean;
}

interface End {
  readonly id: number;
  readonly isClient: boolean;
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  readonly netns: number;
  readonly startNanos: number;
  readonly isSeeded: boolean;
  pid: number;
  sent: number;
  received: number;
  isClosed: boolean;
  endNanos: number;
  /** What the source can report of it. */
  isVisible: boolean;
  knowsProcess: boolean;
  knowsDirection: boolean;
  /** NAT: the record has what was dialled until this is true. */
  isResolved: boolean;
  /** As reported last; undefined: never. */
  reported: Reported | undefined;
  /** The record that was reported last, as text. */
  reportedText: string;
  /** Its end was reported, or it is not there any more. */
  isDone: boolean;
}

interface Reported {
  readonly pid: number;
  readonly knowsDirection: boolean;
  readonly isResolved: boolean;
  readonly isLive: boolean;
  readonly sent: number;
  readonly received: number;
  /** What it had transferred before it was reported first, if it is older than the source. */
  readonly baseSent: number;
  readonly baseReceived: number;
  readonly isOlder: boolean;
}

interface Link {
  readonly dialled: string;
  readonly ends: readonly End[];
}

export interface FlowTruth {
  opened: number;
  adopted: number;
  closed: number;
  live: number;
  bytesSent: number;
  bytesReceived: number;
}

export interface News {
  readonly sockets: readonly Socket[];
  readonly dialled: ReadonlyMap<number, string>;
  /** Else only changes are reported. */
  readonly isWhole: boolean;
  /** Ids of sockets that are there no more, though no record says so, two words each. */
  readonly gone: Int32Array;
}

const NEAR = [
  { address: '127.0.0.1', netns: 1 },
  { address: '10.0.0.1', netns: 1 },
  { address: '10.0.0.2', netns: 2 },
] as const;
const FAR = ['192.0.2.1', '192.0.2.2'] as const;
const VIRTUAL = '203.0.113.9';
const SERVER_PORTS = [80, 60_000] as const;
const CLIENT_PORTS = [30_000, 30_001, 30_003] as const;
const LISTENER_PID = 9;
const CLIENT_PIDS = [10, 11, 12] as const;
const SERVER_PIDS = [20, 21] as const;

export class World {
  readonly #links: Link[] = [];
  #nextId = 1;
  #clock = 1_000_000;
  #ticks = 0;
  /** Ends that closed since the last tick, in that order. */
  #closed: End[] = [];

  constructor(private readonly options: WorldOptions) {}

  /** @returns a source's news of a tick */
  step({ kind, which, how }: Step): News | undefined {
    this.#clock += 1_000_000_000;
    switch (kind) {
      case 'open':
        this.#open(which, how);
        break;
      case 'brief': {
        const link = this.#open(which, how & ~SEED & ~HIDE);
        for (const end of link?.ends ?? []) {
          end.sent += which % 7;
          if (!end.isSeeded) this.#close(end);
        }
        break;
      }
      case 'close':
        for (const end of pick(this.#liveLinks(), which)?.ends ?? []) this.#close(end);
        break;
      case 'closeEnd': {
        const link = pick(this.#liveLinks(), which);
        // Who was never seen can't be known to live on.
        if (link?.ends.every(({ reported }) => reported !== undefined) === true)
          this.#close(pick(link.ends, how)!);
        break;
      }
      case 'transfer': {
        const link = pick(this.#liveLinks(), which);
        for (const end of link?.ends ?? []) {
          if (end.isClosed) continue;
          end[end.isClient === (how % 2 === 0) ? 'sent' : 'received'] += 1 + (how % 1000);
        }
        break;
      }
      case 'reveal':
        this.#reveal(which, how);
        break;
      case 'handOver': {
        const end = pick(
          this.#liveEnds().filter(({ isClient }) => !isClient),
          which,
        );
        if (end !== undefined) {
          end.pid = SERVER_PIDS[how % SERVER_PIDS.length]!;
        }
        break;
      }
      case 'tick':
        return this.#tick(how % 2 === 0);
    }
    return undefined;
  }

  /** By `client > server : port (client's PID > server's PID) via`. */
  truth(): Map<string, FlowTruth> {
    const flows = new Map<string, FlowTruth>();
    for (const { dialled, ends } of this.#links) {
      const reported = ends.filter((end) => end.reported !== undefined);
      const isApart = (end: End): boolean => dialled !== '' && end.isClient && !end.reported!.isResolved;
      for (const group of [reported.filter(isApart), reported.filter((end) => !isApart(end))])
        if (group.length > 0) addTruth(flows, group, dialled);
    }
    return flows;
  }

  #open(which: number, how: number): Link | undefined {
    const near = NEAR[which % NEAR.length]!;
    const kind = how % 3; // both ends here, the client's, the server's
    const other = near.address === '127.0.0.1' ? near : NEAR[1 + ((which >> 2) % 2)]!;
    const far = FAR[(which >> 3) % FAR.length]!;
    const client = kind === 2 ? { address: far, netns: 0 } : near;
    const server = kind === 1 ? { address: far, netns: 0 } : other;
    if (near.address === '127.0.0.1' && kind !== 0) return undefined;
    const fromPort = CLIENT_PORTS[(which >> 4) % CLIENT_PORTS.length]!;
    const toPort = SERVER_PORTS[(how >> 2) % SERVER_PORTS.length]!;
    const isTaken = this.#links.some(
      ({ ends }) =>
        ends.some((end) => !end.isClosed || (!end.isDone && !this.options.reportsEnds)) &&
        ends.some(
          (end) =>
            (end.isClient &&
              end.local === client.address &&
              end.localPort === fromPort &&
              end.netns === (client.netns || end.netns)) ||
            (!end.isClient && end.remote === client.address && end.remotePort === fromPort && kind === 2),
        ),
    );
    if (isTaken) return undefined;
    // What is older than the source is older than all that ended while it watched.
    const isSeeded = this.#ticks === 0 && this.#closed.length === 0 && (how & SEED) !== 0;
    const isTranslated = kind === 1 && (how & NAT) !== 0;
    const common = {
      isSeeded,
      isClosed: false,
      endNanos: 0,
      reported: undefined,
      reportedText: '',
      isDone: false,
      sent: 0,
      received: 0,
    };
    const startNanos = this.options.reportsEnds && !isSeeded ? this.#clock : 0;
    const reusable = (how & REUSE) !== 0 ? this.#reusableId() : undefined;
    const ends: End[] = [];
    const isHidden = (how & HIDE) !== 0 && kind === 0;
    if (kind !== 2)
      ends.push({
        ...common,
        id: reusable ?? this.#nextId++,
        isClient: true,
        local: client.address,
        localPort: fromPort,
        remote: server.address,
        remotePort: toPort,
        netns: client.netns,
        startNanos,
        pid: CLIENT_PIDS[(which >> 6) % CLIENT_PIDS.length]!,
        isVisible: !(isHidden && (how & FIRST) === 0),
        knowsProcess: (how & KNOWN_PROCESS) !== 0,
        knowsDirection: (how & KNOWN_DIRECTION) !== 0,
        isResolved: !isTranslated || (how & RESOLVED) !== 0,
      });
    if (kind !== 1)
      ends.push({
        ...common,
        id: this.#nextId++,
        isClient: false,
        local: server.address,
        localPort: toPort,
        remote: client.address,
        remotePort: fromPort,
        netns: server.netns,
        startNanos: startNanos === 0 ? 0 : startNanos + 1000,
        pid: SERVER_PIDS[(which >> 8) % SERVER_PIDS.length]!,
        isVisible: !(isHidden && (how & FIRST) !== 0),
        knowsProcess: (how & (KNOWN_PROCESS << 1)) !== 0,
        knowsDirection: (how & (KNOWN_DIRECTION << 1)) !== 0,
        isResolved: true,
      });
    const link = { ends, dialled: isTranslated ? `${VIRTUAL}:${toPort}` : '' };
    this.#links.push(link);
    return link;
  }

  /** Of a socket that was closed, and whose end was reported: it connects anew. */
  #reusableId(): number | undefined {
    const used = new Set(
      this.#links.flatMap(({ ends }) => ends.filter((end) => !end.isDone).map(({ id }) => id)),
    );
    for (const { ends } of this.#links)
      for (const { id, isDone, isClient } of ends) if (isDone && isClient && !used.has(id)) return id;
    return undefined;
  }

  #close(end: End): void {
    if (end.isClosed) return;
    end.isClosed = true;
    if (this.options.reportsEnds) end.endNanos = this.#clock + 5000 + this.#closed.length;
    this.#closed.push(end);
  }

  #reveal(which: number, how: number): void {
    const end = pick(this.#liveEnds(), which);
    if (end === undefined) return;
    if (!end.isVisible) end.isVisible = true;
    else if (how % 3 === 0) end.knowsProcess = true;
    else if (how % 3 === 1) end.knowsDirection = true;
    else end.isResolved = true;
  }

  #liveLinks(): Link[] {
    return this.#links.filter(({ ends }) => ends.some(({ isClosed }) => !isClosed));
  }

  #liveEnds(): End[] {
    return this.#links.flatMap(({ ends }) => ends.filter(({ isClosed }) => !isClosed));
  }

  #tick(isWhole: boolean): News {
    const isFirst = this.#ticks++ === 0;
    const gone: number[] = [];
    const sockets: Socket[] = [];
    const dialled = new Map<number, string>();
    const report = (end: End, via: string): void => {
      const socket = socketOf(end, via);
      const text = JSON.stringify(socket);
      if (!isWhole && text === end.reportedText) return;
      end.reportedText = text;
      if (via !== '' && end.isClient && end.isResolved) dialled.set(sockets.length, via);
      sockets.push(socket);
      end.reported = reportedOf(end, isFirst, this.options.reportsEnds);
    };
    for (const end of this.#closed) {
      end.isDone = true;
      if (!this.options.reportsEnds) {
        if (end.reported !== undefined) {
          end.reported = { ...end.reported, isLive: false };
          gone.push(end.id, 0);
        }
        continue;
      }
      // An end must be known by the time its other end is reported as closed.
      report(end, this.#links.find(({ ends }) => ends.includes(end))!.dialled);
    }
    this.#closed = [];
    for (const { ends, dialled: via } of this.#links) {
      const isHalfClosed = ends.some(({ isDone }) => isDone);
      for (const end of ends) if (!end.isClosed && (end.isVisible || isHalfClosed)) report(end, via);
    }
    return { sockets, dialled, isWhole, gone: Int32Array.from(isWhole ? [] : gone) };
  }
}

const SEED = 1 << 4;
const HIDE = 1 << 5;
const FIRST = 1 << 6;
const NAT = 1 << 7;
const RESOLVED = 1 << 8;
const REUSE = 1 << 9;
const KNOWN_PROCESS = 1 << 10;
const KNOWN_DIRECTION = 1 << 12;

function pick<T>(from: readonly T[], which: number): T | undefined {
  return from[which % Math.max(1, from.length)];
}

function socketOf(end: End, via: string): Socket {
  const isUnresolved = via !== '' && end.isClient && !end.isResolved;
  return {
    id: end.id,
    local: end.local,
    localPort: end.localPort,
    remote: isUnresolved ? VIRTUAL : end.remote,
    remotePort: end.remotePort,
    netns: end.netns,
    startNanos: end.startNanos,
    endNanos: end.endNanos,
    pid: end.knowsProcess ? end.pid : 0,
    pidStartNanos: end.knowsProcess ? end.pid * 1e7 : 0,
    // Of a listener whose process is known: others' processes say nothing of who takes this connection.
    listenerPid: end.isClient ? 0 : LISTENER_PID,
    bytesSent: end.sent,
    bytesReceived: end.received,
    state: end.isClosed ? TcpState.Close : TcpState.Established,
    direction: !end.knowsDirection
      ? Direction.Unknown
      : end.isClient
        ? Direction.Connected
        : Direction.Accepted,
    seeded: end.isSeeded,
  };
}

function reportedOf(end: End, isFirst: boolean, reportsEnds: boolean): Reported {
  const isNew = end.reported === undefined;
  const isOlder = isNew
    ? end.isSeeded || (isFirst && !end.isClosed && !(reportsEnds && !end.isSeeded))
    : end.reported!.isOlder;
  return {
    pid: end.knowsProcess ? end.pid : (end.reported?.pid ?? 0),
    knowsDirection: end.knowsDirection,
    isResolved: end.isResolved,
    isLive: !end.isClosed,
    sent: end.sent,
    received: end.received,
    baseSent: isNew ? (isOlder ? end.sent : 0) : end.reported!.baseSent,
    baseReceived: isNew ? (isOlder ? end.received : 0) : end.reported!.baseReceived,
    isOlder,
  };
}

/** @param group ends that are known to belong together */
function addTruth(flows: Map<string, FlowTruth>, group: readonly End[], dialled: string): void {
  const [own] = group;
  const isKnown = group.some(({ reported }) => reported!.knowsDirection);
  const isUnresolved = dialled !== '' && own!.isClient && !own!.reported!.isResolved;
  const remote = isUnresolved ? VIRTUAL : own!.remote;
  // Where nobody knows, the lower port is the server's.
  const isTurned =
    !isKnown && (own!.isClient ? own!.localPort < own!.remotePort : own!.remotePort < own!.localPort);
  const clientEnd = group.find(({ isClient }) => isClient !== isTurned);
  const serverEnd = group.find(({ isClient }) => isClient === isTurned);
  const measured = clientEnd ?? serverEnd!;
  const { reported } = measured;
  const isOwnClient = measured === clientEnd;
  const from = isOwnClient ? measured.local : isUnresolved && measured === own ? remote : measured.remote;
  const to = isOwnClient ? (measured === own ? remote : measured.remote) : measured.local;
  const port = isOwnClient ? measured.remotePort : measured.localPort;
  const via = clientEnd?.isClient === true && dialled !== '' && clientEnd.reported!.isResolved ? dialled : '';
  const key = `${from} > ${to}:${port} (${clientEnd?.reported!.pid ?? 0} > ${serverEnd?.reported!.pid ?? 0}) ${via}`;
  const flow = flows.get(key) ?? {
    opened: 0,
    adopted: 0,
    closed: 0,
    live: 0,
    bytesSent: 0,
    bytesReceived: 0,
  };
  flows.set(key, flow);
  const isLive = group.some((end) => end.reported!.isLive);
  if (group.every((end) => end.reported!.isOlder)) flow.adopted++;
  else flow.opened++;
  if (isLive) flow.live++;
  else flow.closed++;
  const sent = reported!.sent - reported!.baseSent;
  const received = reported!.received - reported!.baseReceived;
  flow.bytesSent += isOwnClient ? sent : received;
  flow.bytesReceived += isOwnClient ? received : sent;
}
