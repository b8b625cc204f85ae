/**
 * What the flow table costs: nanoseconds per record of connections that came and went between two snapshots, per record of
 * live ones that are as they were, and milliseconds of a tick with little news. Beside them, in the same run, a pass that only
 * hashes each record's tuple. Arguments: live sockets (default 200,000).
 */
import { ProbeState } from '../../src/probe/flows/probe-state.js';
import { tupleHash } from '../../src/probe/flows/tuple-hash.js';
import { NO_HOLDERS } from '../../src/probe/records/holder.js';
import { NO_FLOWS } from '../../src/probe/records/nat-flow.js';
import {
  Direction,
  DirectionEvidence,
  Flag,
  OFFSET,
  PidEvidence,
  RECORD,
} from '../../src/probe/records/layout.js';
import { RecordView, type RecordBatch } from '../../src/probe/records/record-view.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import { median } from '../median.js';

const LIVE = Number(process.argv[2] ?? 200_000);
const BRIEF = 100_000;
const NEWS = 100;
const ROUNDS = 15;
const LOOPBACK = 0x7f000001;
const LAN = 0x0a000001;
const FAR = 0xc0000201;

interface End {
  readonly isServer?: boolean;
  readonly from: number;
  readonly fromPort: number;
  readonly to: number;
  readonly toPort: number;
  readonly pid: number;
}

interface Making {
  readonly state: number;
  readonly flags: number;
  readonly firstId: number;
  readonly end: (i: number) => End;
}

function batchOf(count: number, { state, flags, firstId, end }: Making): RecordBatch {
  const records = new ArrayBuffer(count * RECORD.bytes);
  for (let i = 0; i < count; i++) {
    const { isServer = false, from, fromPort, to, toPort, pid } = end(i);
    const view = new DataView(records, i * RECORD.bytes, RECORD.bytes);
    view.setBigUint64(OFFSET.socketId, BigInt(firstId + i), true);
    view.setBigUint64(OFFSET.startNanos, BigInt(1_000_000 + i), true);
    for (const [offset, address] of [
      [OFFSET.localAddress, isServer ? to : from],
      [OFFSET.remoteAddress, isServer ? from : to],
    ] as const) {
      view.setUint16(offset + 10, 0xffff);
      view.setUint32(offset + 12, address);
    }
    view.setUint32(OFFSET.netns, 4026531840, true);
    view.setUint32(OFFSET.pid, pid, true);
    view.setUint8(OFFSET.pidEvidence, PidEvidence.Use);
    view.setBigUint64(OFFSET.pidStartNanos, BigInt(pid) * 10_000_000n, true);
    view.setBigUint64(OFFSET.bytesSent, 64n, true);
    view.setUint16(OFFSET.localPort, isServer ? toPort : fromPort, true);
    view.setUint16(OFFSET.remotePort, isServer ? fromPort : toPort, true);
    view.setUint8(OFFSET.direction, isServer ? Direction.Accepted : Direction.Connected);
    view.setUint8(OFFSET.directionEvidence, DirectionEvidence.Handshake);
    view.setUint8(OFFSET.state, state);
    view.setUint8(OFFSET.flags, flags);
  }
  return { records, recordCount: count };
}

const closed = { state: TcpState.Close, flags: Flag.Established | Flag.Brief };
const live = { state: TcpState.Established, flags: Flag.Established, firstId: 1 };

const localPair = (i: number): End => ({
  isServer: i % 2 === 1,
  from: LOOPBACK,
  fromPort: 2000 + ((i >> 1) % 30_000) * 2,
  to: LOOPBACK,
  toPort: i < BRIEF / 2 ? 80 : 443,
  pid: i % 2 === 1 ? 20 : 10,
});
const remote = (i: number): End => ({
  from: LAN,
  fromPort: 30_000 + (Math.floor(i / 100) % 28_000),
  to: FAR + (i % 100),
  toPort: 443,
  pid: 10 + (i % 20),
});

function joined(...batches: readonly RecordBatch[]): RecordBatch {
  const all = Buffer.concat(batches.map(({ records }) => Buffer.from(records)));
  const records = new ArrayBuffer(all.length);
  new Uint8Array(records).set(all);
  return { records, recordCount: all.length / RECORD.bytes };
}

function newState(): ProbeState {
  return new ProbeState({
    probeId: 'p',
    hostName: 'vm',
    intervalMs: 1000,
    processes: { startTicksOf: (pid) => pid, formerName: (_pid, _start, comm) => comm },
    names: () => undefined,
  });
}

function take(state: ProbeState, batch: RecordBatch): void {
  state.take({
    records: { ...batch, isWhole: true, isFirst: false, listenersListed: false },
    holders: NO_HOLDERS,
    natFlows: NO_FLOWS,
    topologies: new Map(),
    lost: 0,
  });
}

/** Median milliseconds of this thread's processor time; the first rounds are not counted. @param next what is worked on in a round, made before */
function measure<T>(next: (round: number) => T, work: (input: T) => unknown): number {
  const times: number[] = [];
  for (let round = -5; round < ROUNDS; round++) {
    const input = next(round + 5);
    const start = process.threadCpuUsage();
    work(input);
    const { user, system } = process.threadCpuUsage(start);
    if (round >= 0) times.push((user + system) / 1000);
  }
  return median(times);
}

/** Read by nobody; keeps the loop. */
let sink = 0;

function hashAll(batch: RecordBatch): void {
  const view = new RecordView(batch);
  for (let i = 0; i < view.count; i++) sink ^= tupleHash(view, i);
}

const perRecord = (ms: number, count: number): string => `${((ms * 1e6) / count).toFixed(0)} ns per record`;

for (const [name, end] of [
  ['local pairs that came and went', localPair],
  ['remote connections that came and went', remote],
] as const) {
  const state = newState();
  const brief = batchOf(BRIEF, { ...closed, firstId: 1, end });
  const hashing = measure(() => brief, hashAll);
  const taking = measure(
    () => brief,
    (batch) => {
      take(state, batch);
    },
  );
  console.log(`${name}: ${perRecord(taking, BRIEF)}, hashing alone ${perRecord(hashing, BRIEF)}`);
}

for (const [name, servers] of [
  ['few flows', 100],
  ['many flows', LIVE / 2],
] as const) {
  const ofServers = (i: number): End => ({
    ...remote(i),
    fromPort: 1024 + Math.floor(i / servers),
    to: FAR + (i % servers),
  });
  const old = batchOf(LIVE, { ...live, end: ofServers });
  const state = newState();
  take(state, old);
  const unchanged = measure(
    () => old,
    (batch) => {
      take(state, batch);
    },
  );
  let seq = state.seq;
  const withNews = measure(
    (round) =>
      joined(
        old,
        batchOf(NEWS, {
          ...live,
          firstId: 10_000_000 + round * NEWS,
          end: (i) => ({ ...ofServers(i), fromPort: 60_000 + round }),
        }),
      ),
    (batch) => {
      take(state, batch);
      const statement = state.statementSince(seq);
      ({ seq } = statement);
    },
  );
  const hashing = measure(() => old, hashAll);
  const { flows = 0 } = state.counters();
  console.log(
    `${LIVE} live sockets in ${flows} flows (${name}): unchanged ${unchanged.toFixed(1)} ms, ${perRecord(unchanged, LIVE)}; ` +
      `with ${NEWS} opened, as many closed and a statement ${withNews.toFixed(1)} ms; hashing alone ${hashing.toFixed(1)} ms`,
  );
}
process.exitCode = Number.isInteger(sink) ? 0 : 1;
