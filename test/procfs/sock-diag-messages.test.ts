/** Socket dumps are read exactly; anything else ends in a count or a typed error. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NetlinkError } from '../../src/netlink/index.js';
import { diagRequest, readSocketDump } from '../../src/probe/connections/procfs/sock-diag.js';
import { done, errorMessage, message } from '../support/netlink-bytes.js';
import { addressText } from '../../src/probe/records/address.js';

const ALL_STATES = 0xfff;

function socketMessage(family: 2 | 10, state: number, local: number[], port: number, inode: number): Buffer {
  const payload = Buffer.alloc(72);
  payload.set([family, state]);
  payload.writeUInt16BE(port, 4);
  payload.set(local, 8);
  payload.writeUInt32LE(inode, 68);
  return message(20, payload);
}

const END = done();
const IPV4 = socketMessage(2, 1, [10, 1, 2, 3], 8080, 77);
const IPV6 = socketMessage(10, 10, [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], 443, 4_000_000_000);

function read(bytes: Uint8Array, states = ALL_STATES): { lines: string[]; malformed: number; done: boolean } {
  const lines: string[] = [];
  const counts = readSocketDump(bytes, states, ({ local, localPort, state, inode }) => {
    lines.push(`${addressText(local, 0)} ${localPort} ${state} ${inode}`);
  });
  return { lines, malformed: counts.malformed, done: counts.done };
}

test('sockets of both families, and the end', () => {
  assert.deepEqual(read(Buffer.concat([IPV4, IPV6, END])), {
    lines: ['10.1.2.3 8080 1 77', 'fd00::9 443 10 4000000000'],
    malformed: 0,
    done: true,
  });
});

test('only wanted states; other messages and short ones are counted', () => {
  const other = Buffer.concat([
    message(21, Buffer.alloc(72)),
    message(20, Buffer.alloc(8)),
    message(20, Buffer.alloc(72)),
  ]);
  assert.deepEqual(read(Buffer.concat([IPV4, other, IPV6]), 1 << 10), {
    lines: ['fd00::9 443 10 4000000000'],
    malformed: 3,
    done: false,
  });
});

test('an interrupted dump says so, a refused one is a typed error with the errno', () => {
  assert.equal(readSocketDump(message(3, Buffer.alloc(4), 0x12), 0, () => undefined).interrupted, true);
  assert.throws(
    () => read(errorMessage(2)),
    (error) => error instanceof NetlinkError && error.code === 'REFUSED' && error.errno === 2,
  );
});

test('a request names family, protocol and states', () => {
  const request = Buffer.from(diagRequest('tcp6', 1 << 10));
  assert.deepEqual(
    [request.readUInt32LE(0), request.readUInt16LE(4), request[16], request[17], request.readUInt32LE(20)],
    [72, 20, 10, 6, 1024],
  );
});

test('fuzz: any bytes, and any damage to real dumps, end in counts or in a typed error', () => {
  const whole = fc
    .array(fc.constantFrom(IPV4, IPV6, END), { maxLength: 5 })
    .map((parts) => Buffer.concat(parts));
  const damaged = fc
    .tuple(whole, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }))
    .map(([bytes, changes]) => {
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 400 })), (bytes) => {
      try {
        const { lines, malformed } = read(bytes);
        assert.ok(lines.length + malformed <= bytes.length / 16);
        for (const line of lines) assert.match(line, /^[0-9a-f.:]+ \d+ \d+ \d+$/);
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
      }
    }),
    { numRuns: 5000 },
  );
});
