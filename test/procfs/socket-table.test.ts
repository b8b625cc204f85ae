/** The kernel's socket table is read exactly, and anything else is left out without harm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readSocketTable, type SocketLine } from '../../src/probe/connections/procfs/socket-table.js';
import { addressText } from '../../src/probe/records/address.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';

const ALL_STATES = 0xfff;
const HEADING =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

interface Read {
  readonly sockets: string[];
  readonly malformed: number;
}

function read(text: string | Uint8Array, table: 'tcp' | 'tcp6', states = ALL_STATES): Read {
  const sockets: string[] = [];
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const show = ({ local, localPort, remote, remotePort, state, inode }: SocketLine): string =>
    `${addressText(local, 0)} ${localPort} ${addressText(remote, 0)} ${remotePort} ${state} ${inode}`;
  const malformed = readSocketTable(bytes, table, states, (line) => sockets.push(show(line)));
  return { sockets, malformed };
}

const LISTENER =
  '   0: 0100007F:9921 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2901976 1 00000000ca94ec73 100 0 0 10 0                   \n';
const CONNECTION =
  '12345678: 0A01A8C0:D431 08080808:01BB 01 00000001:00000000 01:00000014 00000003  1000        0 7 4 00000000ca94ec73 100 0 0 10 0\n';
const MAPPED =
  '   3: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:C350 08 00000000:00000001 00:00000000 00000000     0        0 99 1 000000\n';
const IPV6 =
  '   4: B80D0120000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 000000\n';

test('an IPv4 table', () => {
  assert.deepEqual(read(HEADING + LISTENER + CONNECTION, 'tcp'), {
    sockets: ['127.0.0.1 39201 0.0.0.0 0 10 2901976', '192.168.1.10 54321 8.8.8.8 443 1 7'],
    malformed: 0,
  });
});

test('an IPv6 table, with an IPv4-mapped connection', () => {
  assert.deepEqual(read(HEADING + MAPPED + IPV6, 'tcp6'), {
    sockets: ['127.0.0.1 8080 127.0.0.1 50000 8 99', '2001:db8::1 80 :: 0 10 100'],
    malformed: 0,
  });
});

test('only the states asked for', () => {
  assert.deepEqual(read(HEADING + LISTENER + CONNECTION, 'tcp', 1 << TcpState.Listen).sockets, [
    '127.0.0.1 39201 0.0.0.0 0 10 2901976',
  ]);
});

test('an empty file and a heading alone have no sockets', () => {
  for (const text of ['', HEADING]) assert.deepEqual(read(text, 'tcp'), { sockets: [], malformed: 0 });
});

test('a line that is cut off or not of the known form is counted and left out, the others stay', () => {
  for (const broken of [
    CONNECTION.slice(0, 40) + '\n',
    'nonsense\n',
    LISTENER.replace('0100007F', '0100007G'),
    LISTENER.replace('2901976', 'inode'),
    MAPPED,
    '\n',
  ]) {
    assert.deepEqual(
      read(HEADING + broken + LISTENER, 'tcp'),
      { sockets: ['127.0.0.1 39201 0.0.0.0 0 10 2901976'], malformed: 1 },
      broken,
    );
  }
});

test('any bytes are read to the end without an error', () => {
  const pieces = fc.constantFrom(
    HEADING,
    LISTENER,
    CONNECTION,
    MAPPED,
    '\n',
    ': ',
    '0',
    ' ',
    'FFFFFFFF:FFFF ',
  );
  const text = fc
    .array(fc.oneof(pieces, fc.string()), { maxLength: 30 })
    .map((parts) => Buffer.from(parts.join('')));
  fc.assert(
    fc.property(
      fc.oneof(text, fc.uint8Array({ maxLength: 500 })),
      fc.constantFrom('tcp' as const, 'tcp6' as const),
      (bytes, table) => {
        const { sockets, malformed } = read(bytes, table);
        const lines = Buffer.from(bytes).toString('latin1').split('\n').length;
        assert.ok(sockets.length + malformed <= lines);
        for (const socket of sockets) assert.match(socket, /^[0-9a-f.:]+ \d+ [0-9a-f.:]+ \d+ \d+ \d+$/);
      },
    ),
    { numRuns: 2000 },
  );
});
