/** Netlink messages and attributes are walked exactly; anything else ends in a typed error that says where. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Attributes, NetlinkError, netlinkRequest, readMessages, viewOf } from '../../src/netlink/index.js';
import { attribute, done, errorMessage, message, nested } from '../support/netlink-bytes.js';

const ATTEMPT = { attempted: 'list things', advice: 'look elsewhere' } as const;

interface Walked {
  readonly type: number;
  readonly payload: Buffer;
}

function walk(bytes: Uint8Array): { readonly list: Walked[]; readonly state: object } {
  const list: Walked[] = [];
  const state = readMessages(viewOf(bytes), ATTEMPT, (type, from, to) => {
    assert.ok(from >= 16 && from <= to && to <= bytes.length);
    list.push({ type, payload: Buffer.from(bytes.subarray(from, to)) });
  });
  return { list, state };
}

const payloads = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const subsystemMessage = fc.record(
  { type: fc.integer({ min: 16, max: 0xffff }), payload: payloads },
  { noNullPrototype: true },
);

test('any messages of a subsystem are handed on whole and in order', () => {
  fc.assert(
    fc.property(fc.array(subsystemMessage, { maxLength: 6 }), fc.boolean(), (messages, ends) => {
      const bytes = messages.map(({ type, payload }) => message(type, payload));
      const { list, state } = walk(Buffer.concat(ends ? [...bytes, done()] : bytes));
      assert.deepEqual(list, messages);
      assert.deepEqual(state, { done: ends, interrupted: false, overrun: false });
    }),
  );
});

test('a request is a message that is read back', () => {
  fc.assert(
    fc.property(subsystemMessage, fc.nat(0xffef), ({ type, payload }, flags) => {
      const request = netlinkRequest(type, flags & ~0x10, payload);
      assert.deepEqual(walk(Buffer.concat([request, message(16, Buffer.alloc(0))].map(padded))).list, [
        { type, payload },
        { type: 16, payload: Buffer.alloc(0) },
      ]);
      assert.equal(Buffer.from(request).readUInt16LE(6), flags & ~0x10);
    }),
  );
});

const padded = (bytes: Uint8Array): Buffer =>
  Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);

test('the end, an interruption and an overrun are reported; messages of netlink itself are not handed on', () => {
  const { list, state } = walk(
    Buffer.concat([
      message(1, Buffer.alloc(0)),
      message(4, Buffer.alloc(0)),
      message(3, Buffer.alloc(4), 0x12),
    ]),
  );
  assert.deepEqual(list, []);
  assert.deepEqual(state, { done: true, interrupted: true, overrun: true });
});

test('a refusal names the errno and what to do; an acknowledgement is none', () => {
  const first = message(20, Buffer.alloc(8));
  assert.throws(
    () => walk(Buffer.concat([first, errorMessage(13)])),
    (error) =>
      error instanceof NetlinkError &&
      error.code === 'REFUSED' &&
      error.errno === 13 &&
      error.offset === first.length &&
      error.message === 'the kernel refused to list things by netlink (errno 13): look elsewhere',
  );
  assert.deepEqual(walk(errorMessage(0)).list, []);
});

test('lengths that contradict each other are an error with their offset, after what came before was handed on', () => {
  const good = message(20, Buffer.alloc(8));
  for (const bad of [good.subarray(0, -4), Buffer.from([3, 0, 0, 0]), Buffer.alloc(16)]) {
    let seen = 0;
    assert.throws(
      () => readMessages(viewOf(Buffer.concat([good, bad])), ATTEMPT, () => seen++),
      (error) =>
        error instanceof NetlinkError && error.code === 'BAD_FRAMING' && error.offset === good.length,
    );
    assert.equal(seen, 1);
  }
});

test('fuzz: any bytes, and any damage to real messages, end in a state or in an error within the buffer', () => {
  const whole = fc
    .array(
      fc.oneof(
        subsystemMessage.map(({ type, payload }) => message(type, payload)),
        fc.constantFrom(done(), errorMessage(0), errorMessage(1)),
      ),
      { maxLength: 5 },
    )
    .map((messages) => Buffer.concat(messages));
  const damaged = fc
    .tuple(whole, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), fc.nat())
    .map(([bytes, changes, cut]) => {
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      return bytes.subarray(0, bytes.length - (cut % 4 === 0 ? cut % (bytes.length + 1) : 0));
    });
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 300 })), (bytes) => {
      let end = 0;
      try {
        readMessages(viewOf(bytes), ATTEMPT, (_type, from, to) => {
          assert.ok(from - 16 >= end && from <= to && to <= bytes.length);
          end = to;
        });
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
        assert.ok(error.offset >= end && error.offset < bytes.length);
      }
    }),
    { numRuns: 5000 },
  );
});

test('any attributes are found by type and length, nested ones too; the last of a type counts', () => {
  const value = fc.tuple(fc.nat(9), payloads);
  fc.assert(
    fc.property(fc.array(value, { maxLength: 8 }), (values) => {
      const inner = values.map(([type, bytes]) => attribute(type, bytes));
      const bytes = Buffer.concat([attribute(1, Buffer.from([7])), nested(2, ...inner)]);
      const [outer, found] = [new Attributes(2, viewOf(bytes)), new Attributes(9, viewOf(bytes))];
      assert.ok(outer.read(0, bytes.length) && found.readNested(outer, 2));
      assert.equal(outer.u8(1), 7);
      const last = new Map(values);
      for (let type = 0; type <= 9; type++) {
        const expected = last.get(type);
        assert.equal(found.has(type), expected !== undefined);
        if (expected === undefined) continue;
        const at = found.offsetOf(type, expected.length);
        assert.deepEqual(bytes.subarray(at, at + expected.length), expected);
        assert.equal(found.offsetOf(type, expected.length + 1), -1);
      }
    }),
  );
});

test('fuzz: attributes of any bytes lie within the bounds that were given, or are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(40), (bytes, from) => {
      const attributes = new Attributes(8, viewOf(bytes));
      if (!attributes.read(Math.min(from, bytes.length), bytes.length)) return;
      for (let type = 0; type <= 8; type++) {
        for (const size of [1, 2, 4, 8, 16]) {
          const at = attributes.offsetOf(type, size);
          assert.ok(at < 0 || (at >= from && at + size <= bytes.length));
        }
      }
    }),
    { numRuns: 3000 },
  );
});
