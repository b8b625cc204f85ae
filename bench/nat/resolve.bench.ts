/**
 * Looking NAT through: nanoseconds per record, when no flow is known, when flows are known but not of these records, and
 * when every record is translated. Arguments: records (default 100,000), flows (default 10,000).
 */
import { resolveNat, type NatBatch } from '../../src/probe/nat/resolve-nat.js';
import { NO_FLOWS, type FlowBatch } from '../../src/probe/records/nat-flow.js';
import { FLOW_BYTES, FLOW_OFFSET } from '../../src/probe/records/nat-flow.js';
import { Direction, OFFSET, RECORD } from '../../src/probe/records/layout.js';

const RECORDS = Number(process.argv[2] ?? 100_000);
const FLOWS = Number(process.argv[3] ?? 10_000);
const ROUNDS = 11;
const CLIENT = 0x0a000001;
const DIALLED = 0x0a000009;
const SERVER = 0x0a010002;

function address(view: DataView, at: number, ipv4: number): void {
  view.setUint16(at + 10, 0xffff);
  view.setUint32(at + 12, ipv4);
}

function records(dialled: number): NatBatch {
  const buffer = new ArrayBuffer(RECORDS * RECORD.bytes);
  for (let i = 0; i < RECORDS; i++) {
    const view = new DataView(buffer, i * RECORD.bytes, RECORD.bytes);
    address(view, OFFSET.localAddress, CLIENT + Math.floor(i / FLOWS));
    address(view, OFFSET.remoteAddress, dialled);
    view.setUint16(OFFSET.localPort, 1 + (i % FLOWS), true);
    view.setUint16(OFFSET.remotePort, 80, true);
    view.setUint32(OFFSET.netns, 1, true);
    view.setUint8(OFFSET.direction, Direction.Connected);
  }
  return { isWhole: true, records: buffer, recordCount: RECORDS };
}

function flows(): FlowBatch {
  const buffer = new ArrayBuffer(FLOWS * FLOW_BYTES);
  for (let i = 0; i < FLOWS; i++) {
    const view = new DataView(buffer, i * FLOW_BYTES, FLOW_BYTES);
    const ends = [CLIENT, DIALLED, SERVER, CLIENT] as const;
    const ports = [1 + i, 80, 8080, 1 + i] as const;
    for (const [at, end] of ends.entries()) address(view, at * 16, end);
    for (const [at, port] of ports.entries())
      view.setUint16(FLOW_OFFSET.originalSourcePort + at * 2, port, true);
    view.setUint32(FLOW_OFFSET.netns, 1, true);
  }
  return { flows: buffer, flowCount: FLOWS };
}

const known = flows();
for (const [what, dialled, batch] of [
  ['no flow known', SERVER, NO_FLOWS],
  [`${FLOWS} flows known, none of these records`, SERVER, known],
  [`${FLOWS} flows known, one record in ${Math.ceil(RECORDS / FLOWS)} translated`, DIALLED, known],
] as const) {
  const times: number[] = [];
  let replaced = 0;
  for (let round = -2; round < ROUNDS; round++) {
    const input = records(dialled);
    const start = performance.now();
    ({ replaced } = resolveNat(input, batch));
    if (round >= 0) times.push(performance.now() - start);
  }
  const ms = times.sort((a, b) => a - b)[ROUNDS >> 1]!;
  console.log(
    `${what}: ${((ms * 1e6) / RECORDS).toFixed(1)} ns per record (${replaced} of ${RECORDS} replaced)`,
  );
}
