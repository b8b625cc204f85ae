/** A socket keeps what was looked through for it as long as it lives, and nobody else gets it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import ipaddr from 'ipaddr.js';
import { addressText } from '../../src/probe/records/address.js';
import { resolveNat, type NatBatch } from '../../src/probe/nat/resolve-nat.js';
import { FLOW_BYTES, FLOW_OFFSET, NO_FLOWS, type FlowBatch } from '../../src/probe/records/nat-flow.js';
import { Direction, OFFSET, RECORD } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import { Translations } from '../../src/probe/nat/translations.js';
import { encode, NETNS, type Socket } from '../probe-flows/records.js';

type End = readonly [address: string, port: number];

const CLIENT: End = ['10.0.0.2', 40_000];
const DIALLED: End = ['10.0.0.1', 80];
const SERVER: End = ['172.16.0.2', 8080];
const OTHER: End = ['172.16.0.3', 8080];
const SOURCE: End = ['172.16.0.1', 31_000];

/** One flow in a namespace of its own: from, dialled, answered by, answered to. */
function flow(ends: readonly [End, End, End, End], netns = NETNS + 1): FlowBatch {
  const bytes = Buffer.alloc(FLOW_BYTES);
  for (const [i, [address, port]] of ends.entries()) {
    const parsed = ipaddr.parse(address);
    bytes.set((parsed instanceof ipaddr.IPv4 ? parsed.toIPv4MappedAddress() : parsed).toByteArray(), i * 16);
    bytes.writeUInt16LE(port, FLOW_OFFSET.originalSourcePort + i * 2);
  }
  bytes.writeUInt32LE(netns, FLOW_OFFSET.netns);
  return { flows: new Uint8Array(bytes).buffer, flowCount: 1 };
}

const joined = (...flows: readonly FlowBatch[]): FlowBatch => ({
  flows: new Uint8Array(Buffer.concat(flows.map((each) => Buffer.from(each.flows)))).buffer,
  flowCount: flows.length,
});

const TO_SERVER = flow([CLIENT, DIALLED, SERVER, CLIENT]);
const TO_OTHER = flow([CLIENT, DIALLED, OTHER, CLIENT]);

const dialling = (id: number, more: Partial<Socket> = {}): Socket => ({
  id,
  local: CLIENT[0],
  localPort: CLIENT[1],
  remote: DIALLED[0],
  remotePort: DIALLED[1],
  ...more,
});

/** Where each socket's connection leads. */
function ends(
  sockets: readonly Socket[],
  flows: FlowBatch,
  translations: Translations,
  extent: Pick<NatBatch, 'isWhole' | 'gone'> = { isWhole: true },
): string[] {
  const batch = { ...encode(sockets), ...extent };
  resolveNat(batch, flows, translations);
  return sockets.map((_, i) => {
    const view = new DataView(batch.records, i * RECORD.bytes, RECORD.bytes);
    const address = addressText(new Int32Array(batch.records, i * RECORD.bytes + OFFSET.remoteAddress, 4), 0);
    return `${address}:${view.getUint16(OFFSET.remotePort, true)}`;
  });
}

const text = ([address, port]: End): string => `${address}:${port}`;

test('a translation stays when its flow is gone, and its flow is still reported', () => {
  const translations = new Translations();
  assert.deepEqual(ends([dialling(1)], TO_SERVER, translations), [text(SERVER)]);
  for (let again = 0; again < 3; again++) {
    assert.deepEqual(ends([dialling(1)], NO_FLOWS, translations), [text(SERVER)]);
    assert.deepEqual(translations.withFlows(NO_FLOWS), TO_SERVER);
  }
  assert.deepEqual(ends([dialling(1)], TO_SERVER, translations), [text(SERVER)]);
  assert.equal(translations.withFlows(TO_SERVER), TO_SERVER);
});

test("the record of a socket's end has its translation, which goes then", () => {
  const translations = new Translations();
  ends([dialling(1)], TO_SERVER, translations);
  const closed = dialling(1, { state: TcpState.Close, endNanos: 5 });
  assert.deepEqual(ends([closed], NO_FLOWS, translations), [text(SERVER)]);
  ends([], NO_FLOWS, translations);
  assert.equal(translations.size, 0);
});

test('a flow that is made anew and leads elsewhere does not move a socket, and is what the next socket has', () => {
  const translations = new Translations();
  ends([dialling(1)], TO_SERVER, translations);
  assert.deepEqual(ends([dialling(1)], TO_OTHER, translations), [text(SERVER)]);
  assert.deepEqual(ends([dialling(2)], TO_OTHER, translations), [text(OTHER)]);
  assert.deepEqual(ends([dialling(2)], NO_FLOWS, translations), [text(OTHER)]);
  assert.equal(translations.size, 1);
});

test('a socket with the id of one before and another tuple has nothing of it', () => {
  const translations = new Translations();
  ends([dialling(1)], TO_SERVER, translations);
  const other = dialling(1, { localPort: 40_001 });
  assert.deepEqual(ends([other], NO_FLOWS, translations), [text(DIALLED)]);
});

test('a further translation that is known later is followed, and half of them is not less', () => {
  const near = flow([CLIENT, DIALLED, OTHER, CLIENT], NETNS);
  const far = flow([CLIENT, OTHER, SERVER, CLIENT]);
  const translations = new Translations();
  assert.deepEqual(ends([dialling(1)], near, translations), [text(OTHER)]);
  assert.deepEqual(ends([dialling(1)], joined(near, far), translations), [text(SERVER)]);
  for (const left of [near, far, NO_FLOWS])
    assert.deepEqual(ends([dialling(1)], left, translations), [text(SERVER)]);
});

test('the accepting side keeps the client behind a translated source', () => {
  const masked = flow([CLIENT, SERVER, SERVER, SOURCE]);
  const socket: Socket = {
    id: 3,
    local: SERVER[0],
    localPort: SERVER[1],
    remote: SOURCE[0],
    remotePort: SOURCE[1],
    direction: Direction.Accepted,
  };
  const translations = new Translations();
  assert.deepEqual(ends([socket], masked, translations), [text(CLIENT)]);
  assert.deepEqual(ends([socket], NO_FLOWS, translations), [text(CLIENT)]);
});

test('what has no room is counted, and looked through while its flow is known', () => {
  const translations = new Translations(0);
  assert.deepEqual(ends([dialling(1)], TO_SERVER, translations), [text(SERVER)]);
  assert.deepEqual(ends([dialling(1)], NO_FLOWS, translations), [text(DIALLED)]);
  assert.equal(translations.dropped, 1);
});

test('a socket that is not among the changes keeps its translation until it is said to be gone', () => {
  const translations = new Translations();
  ends([dialling(1)], TO_SERVER, translations);
  assert.deepEqual(ends([], NO_FLOWS, translations, { isWhole: false }), []);
  assert.deepEqual(translations.withFlows(NO_FLOWS), TO_SERVER);
  assert.deepEqual(ends([dialling(1)], NO_FLOWS, translations, { isWhole: false }), [text(SERVER)]);
  ends([], NO_FLOWS, translations, { isWhole: false, gone: Int32Array.of(1, 0) });
  assert.equal(translations.size, 0);
  assert.equal(translations.withFlows(NO_FLOWS), NO_FLOWS);
});

test('a socket that closes among changes takes its translation with it, and a flow stays while one of its sockets lives', () => {
  const translations = new Translations();
  ends([dialling(1), dialling(2)], TO_SERVER, translations);
  const closed = dialling(1, { state: TcpState.Close, endNanos: 5 });
  assert.deepEqual(ends([closed], NO_FLOWS, translations, { isWhole: false }), [text(SERVER)]);
  assert.equal(translations.size, 1);
  assert.deepEqual(translations.withFlows(NO_FLOWS), TO_SERVER);
});
