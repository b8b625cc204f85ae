/** ctnetlink messages are read exactly; anything else ends in a count or a typed error. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  FlowStatus,
  FlowTcpState,
  natBitsOf,
  readConntrackMessages,
  readFlowCount,
  type MessageCounts,
} from '../../src/conntrack-parser/index.js';
import { NetlinkError } from '../../src/netlink/index.js';
import { show, type Shown } from './flow-text.js';
import { attribute, done, errorMessage, message } from '../support/netlink-bytes.js';
import { flowMessage, type FlowText, type TupleText } from './flow-messages.js';

function read(...messages: readonly Uint8Array[]): MessageCounts & { readonly list: Shown[] } {
  const list: Shown[] = [];
  const counts = readConntrackMessages(Buffer.concat(messages), (flow) => list.push(show(flow)));
  return { ...counts, list };
}

const PLAIN: FlowText = {
  original: { source: '10.0.0.1', sourcePort: 40000, destination: '10.0.0.2', destinationPort: 80 },
  reply: { source: '10.0.0.2', sourcePort: 80, destination: '10.0.0.1', destinationPort: 40000 },
};
const TRANSLATED: FlowText = {
  original: { source: '10.0.0.1', sourcePort: 40000, destination: '10.0.0.9', destinationPort: 80 },
  reply: { source: '10.1.0.2', sourcePort: 8080, destination: '10.1.0.1', destinationPort: 31000 },
  status: FlowStatus.SeenReply | FlowStatus.SourceNat | FlowStatus.DestinationNat,
  tcpState: FlowTcpState.Established,
  id: 0xfedcba98,
  zone: 7,
  mark: 0x80000001,
  timeoutSeconds: 432000,
  counters: [3, 2 ** 40, 2, 120],
  startMillis: 1_700_000_000_123,
};

test('a translated flow with everything that is known of it', () => {
  const { list } = read(flowMessage(TRANSLATED));
  assert.deepEqual(list, [
    {
      destroyed: false,
      tuples: '10.0.0.1 40000 > 10.0.0.9 80 | 10.1.0.2 8080 > 10.1.0.1 31000',
      originalZone: 7,
      replyZone: 7,
      status: 2 | 16 | 32,
      tcpState: 3,
      id: 0xfedcba98,
      mark: 0x80000001,
      timeoutSeconds: 432000,
      originalPackets: 3,
      originalBytes: 2 ** 40,
      replyPackets: 2,
      replyBytes: 120,
      startMillis: 1_700_000_000_123,
      stopMillis: 0,
    },
  ]);
});

test('what one message says does not leak into the next', () => {
  const [, second] = read(flowMessage(TRANSLATED), flowMessage({ ...PLAIN, destroyed: true })).list;
  assert.equal(second?.destroyed, true);
  assert.deepEqual(
    [second.mark, second.id, second.originalBytes, second.originalZone, second.startMillis, second.tcpState],
    [0, 0, 0, 0, 0, FlowTcpState.Unknown],
  );
});

test('an IPv6 flow, with a zone in one direction only', () => {
  const { list } = read(
    flowMessage({
      original: { source: 'fd00::1', sourcePort: 1, destination: 'fd00::2', destinationPort: 2 },
      reply: { source: 'fd00::3', sourcePort: 3, destination: 'fd00::1', destinationPort: 1 },
      originalZone: 9,
    }),
  );
  assert.equal(list[0]?.tuples, 'fd00::1 1 > fd00::2 2 | fd00::3 3 > fd00::1 1');
  assert.deepEqual([list[0].originalZone, list[0].replyZone], [9, 0]);
});

test('the end, an interruption and an overrun are reported', () => {
  const { done: isDone, interrupted, overrun, flows } = read(flowMessage(PLAIN), done());
  assert.deepEqual([isDone, interrupted, overrun, flows], [true, false, false, 1]);
  assert.equal(read(flowMessage(PLAIN, 0x12)).interrupted, true);
  assert.equal(read(message(4, new Uint8Array(0))).overrun, true);
});

test('flows of other protocols are counted and passed over', () => {
  const { list, otherProtocols, malformed } = read(
    flowMessage({ ...PLAIN, protocol: 17 }),
    flowMessage(PLAIN),
    flowMessage({ ...PLAIN, protocol: 132 }),
  );
  assert.deepEqual([list.length, otherProtocols, malformed], [1, 2, 0]);
});

test('messages of other subsystems, without tuples or cut short are counted, the others are read', () => {
  const header = Buffer.from([2, 0, 0, 0]);
  const { list, malformed } = read(
    message((2 << 8) | 0, header),
    message(1 << 8, header),
    message(1 << 8, Buffer.from([2])),
    message(1 << 8, Buffer.concat([header, Buffer.from([200, 0, 1, 128])])),
    flowMessage(PLAIN),
  );
  assert.deepEqual([list.length, malformed], [1, 4]);
});

test('a refusal is an error with the errno; an acknowledgement is none', () => {
  assert.throws(
    () => read(errorMessage(1)),
    (error) => error instanceof NetlinkError && error.code === 'REFUSED' && error.errno === 1,
  );
  assert.equal(read(errorMessage(0)).flows, 0);
});

test('lengths that contradict each other are an error, after what came before was read', () => {
  const good = flowMessage(PLAIN);
  for (const bad of [good.subarray(0, -4), Buffer.from([3, 0, 0, 0]), Buffer.alloc(16)]) {
    let seen = 0;
    assert.throws(
      () => readConntrackMessages(Buffer.concat([good, bad]), () => seen++),
      (error) => error instanceof NetlinkError && error.code === 'BAD_FRAMING',
    );
    assert.equal(seen, 1);
  }
});

const port = fc.integer({ min: 0, max: 0xffff });
const tupleOf = (address: fc.Arbitrary<string>): fc.Arbitrary<TupleText> =>
  fc.record({ source: address, sourcePort: port, destination: address, destinationPort: port });
const flowOf = (address: fc.Arbitrary<string>): fc.Arbitrary<FlowText> =>
  fc.record(
    { original: tupleOf(address), reply: tupleOf(address), mark: fc.nat(), zone: port, id: fc.nat() },
    { requiredKeys: ['original', 'reply'] },
  );
const anyFlow = fc.oneof(flowOf(fc.ipV4()), flowOf(fc.ipV6().filter((text) => !/[.%]/.test(text))));

test('any flow that the kernel can write is read back, and its NAT bits follow from its tuples', () => {
  fc.assert(
    fc.property(fc.array(anyFlow, { maxLength: 5 }), (flows) => {
      const nat: number[] = [];
      const list: Shown[] = [];
      readConntrackMessages(Buffer.concat(flows.map((flow) => flowMessage(flow))), (flow) => {
        list.push(show(flow));
        nat.push(natBitsOf(flow));
      });
      assert.deepEqual(
        list.map(({ mark, id, originalZone, replyZone }) => [mark, id, originalZone, replyZone]),
        flows.map(({ mark = 0, id = 0, zone = 0 }) => [mark, id, zone, zone]),
      );
      for (const [i, shown] of list.entries()) {
        const [original = '', reply = ''] = shown.tuples.split(' | ');
        const reversed = reply.split(' > ').reverse().join(' > ');
        assert.equal(nat[i] === 0, reversed === original);
        assert.ok(original.endsWith(` ${flows[i]?.original.destinationPort ?? -1}`));
        assert.ok(reply.endsWith(` ${flows[i]?.reply.destinationPort ?? -1}`));
      }
    }),
  );
});

test('fuzz: any bytes, and any damage to real messages, end in counts or in a typed error', () => {
  const whole = fc
    .array(
      fc.oneof(
        anyFlow.map((flow) => flowMessage(flow)),
        fc.constantFrom(done(), errorMessage(0)),
      ),
      {
        maxLength: 4,
      },
    )
    .map((messages) => Buffer.concat(messages));
  const damaged = fc
    .tuple(whole, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), fc.nat())
    .map(([bytes, changes, cut]) => {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) for (const [at, value] of changes) copy[at % copy.length] = value;
      return copy.subarray(0, copy.length - (cut % 8 === 0 ? cut % (copy.length + 1) : 0));
    });
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 300 })), (bytes) => {
      let flows = 0;
      try {
        const counts = readConntrackMessages(bytes, (flow) => {
          flows++;
          assert.equal(flow.addresses.length, 64);
        });
        assert.equal(counts.flows, flows);
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
      }
      assert.ok(flows <= bytes.length / 16);
    }),
    { numRuns: 5000 },
  );
});

test('the number of flows in a namespace, and nothing for anything else', () => {
  const answer = (type: number, value: Uint8Array): Buffer =>
    message(type, Buffer.concat([Buffer.alloc(4), attribute(1, value)]));
  const statistics = (1 << 8) | 5;
  assert.equal(readFlowCount(answer(statistics, Buffer.from([0, 0, 1, 2]))), 258);
  assert.equal(readFlowCount(answer(statistics, Buffer.from([1]))), undefined);
  for (const other of [done(), errorMessage(1), flowMessage(PLAIN), message(statistics, Buffer.alloc(4))])
    assert.equal(readFlowCount(other), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const count = readFlowCount(bytes);
      assert.ok(count === undefined || Number.isInteger(count));
    }),
  );
});
