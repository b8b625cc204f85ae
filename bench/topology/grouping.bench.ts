/**
 * Nanoseconds per connection: grouping and thinning in bulk, the whole way from records to endpoint nodes, and beside them
 * the obvious way to group, with a Map of objects, which neither thins nor makes nodes.
 * Arguments: records per batch (default 100,000).
 */
import { groupAndThin } from '../../src/probe/topology/endpoints.js';
import { buildEndpoints } from '../../src/probe/topology/index.js';
import { splitHalfSeen } from '../../src/probe/batch/half-seen.js';
import { Direction, Flag, OFFSET, RECORD_BYTES, TcpState } from '../../src/probe/records/record.js';
import { RecordView } from '../../src/probe/records/record-view.js';
import { now } from '../../src/report/model/timestamp.js';
import { groupByObjects } from './objects.js';

const RECORDS = Number(process.argv[2] ?? 100_000);
const ROUNDS = 15;

interface Batch {
  readonly records: ArrayBuffer;
  readonly recordCount: number;
}

/** `connection` describes one; both of its ends are written when `twoEnded`. */
function batch(
  twoEnded: boolean,
  connection: (i: number) => [from: number, fromPort: number, to: number, toPort: number],
): Batch {
  const records = new ArrayBuffer(RECORDS * RECORD_BYTES);
  for (let i = 0; i < RECORDS; i++) {
    const isServer = twoEnded && i % 2 === 1;
    const [from, fromPort, to, toPort] = connection(twoEnded ? i >> 1 : i);
    const view = new DataView(records, i * RECORD_BYTES, RECORD_BYTES);
    view.setBigUint64(OFFSET.socketId, BigInt(i + 1), true);
    for (const [offset, address] of [
      [OFFSET.localAddress, isServer ? to : from],
      [OFFSET.remoteAddress, isServer ? from : to],
    ] as const) {
      view.setUint16(offset + 10, 0xffff);
      view.setUint32(offset + 12, address);
    }
    view.setUint32(OFFSET.netns, 4026531840, true);
    view.setUint32(OFFSET.pid, isServer ? 20 : 10, true);
    view.setUint16(OFFSET.localPort, isServer ? toPort : fromPort, true);
    view.setUint16(OFFSET.remotePort, isServer ? fromPort : toPort, true);
    view.setUint8(OFFSET.direction, isServer ? Direction.Accepted : Direction.Connected);
    view.setUint8(OFFSET.state, TcpState.Close);
    view.setUint8(OFFSET.flags, Flag.Established);
  }
  return { records, recordCount: RECORDS };
}

const LOOPBACK = 0x7f000001;
const LAN = 0x0a000001;
const CASES: readonly [
  name: string,
  twoEnded: boolean,
  make: (i: number) => [number, number, number, number],
][] = [
  [
    'two ends on loopback, 2 groups',
    true,
    (i) => [LOOPBACK, 2000 + (i % 30_000) * 2, LOOPBACK, i < 30_000 ? 80 : 443],
  ],
  [
    'to 100 servers, one end',
    false,
    (i) => [LAN, 30_000 + (Math.floor(i / 100) % 28_000), LAN + 1 + (i % 100), 443],
  ],
  [
    'from 10,000 clients, one end',
    false,
    (i) => [LAN + 1 + (i % 10_000), 30_000 + Math.floor(i / 10_000), LAN, 443],
  ],
];

const NOW = now();
const names = (): undefined => undefined;

/** Median milliseconds of a round; the first rounds are not counted. */
function measure(work: () => unknown): number {
  const times: number[] = [];
  for (let round = -3; round < ROUNDS; round++) {
    const start = performance.now();
    work();
    if (round >= 0) times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

for (const [name, twoEnded, make] of CASES) {
  const records = batch(twoEnded, make);
  const connections = twoEnded ? RECORDS / 2 : RECORDS;
  const thinned = measure(() => groupAndThin(new RecordView(records)));
  const flat = measure(() => buildEndpoints({ ...records, hostName: 'vm', now: NOW, names }));
  const objects = measure(() => groupByObjects(records));
  const split = measure(() => splitHalfSeen({ ...records, takenAtNanos: 0 }, new ArrayBuffer(0)));
  const perConnection = (ms: number): string => `${((ms * 1e6) / connections).toFixed(0)} ns`;
  console.log(
    `${name}: ${RECORDS} records, ${connections} connections: ` +
      `grouping and thinning ${perConnection(thinned)} per connection, with nodes ${perConnection(flat)}, ` +
      `Map of objects ${perConnection(objects)} (${(objects / thinned).toFixed(1)}x, ${(objects / flat).toFixed(1)}x), ` +
      `finding half-seen ones ${((split * 1e6) / RECORDS).toFixed(0)} ns per record`,
  );
}
