/** The text of /proc/net/nf_conntrack is read exactly; anything else is counted and left out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  FlowStatus,
  FlowTcpState,
  readConntrackText,
  type TextCounts,
} from '../../src/conntrack-parser/index.js';
import { show, type Shown } from './flow-text.js';

function read(text: string | Uint8Array): TextCounts & { readonly list: Shown[] } {
  const list: Shown[] = [];
  const counts = readConntrackText(typeof text === 'string' ? Buffer.from(text) : text, (flow) =>
    list.push(show(flow)),
  );
  return { ...counts, list };
}

const TRANSLATED =
  'ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.9 sport=40000 dport=80 packets=3 bytes=164 src=10.1.0.2 dst=10.1.0.1 sport=8080 dport=31000 packets=2 bytes=112 [ASSURED] mark=5 zone=7 use=2\n';
const UNREPLIED =
  'ipv4     2 tcp      6 118 SYN_SENT src=10.0.0.1 dst=10.0.0.9 sport=1 dport=2 [UNREPLIED] src=10.0.0.9 dst=10.0.0.1 sport=2 dport=1 mark=0 zone-orig=3 use=2\n';
const IPV6 =
  'ipv6     10 tcp      6 119 TIME_WAIT src=fd00:0000:0000:0000:0000:0000:0000:0001 dst=fd00::2 sport=5 dport=6 src=fd00::3 dst=fd00::1 sport=7 dport=5 [ASSURED] mark=0 zone=0 use=1\n';
const OFFLOADED =
  'ipv4     2 tcp      6 src=1.2.3.4 dst=5.6.7.8 sport=1 dport=2 src=5.6.7.8 dst=1.2.3.4 sport=2 dport=1 [OFFLOAD] mark=0 zone=0 use=2\n';
const UDP =
  'ipv4     2 udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=53 dport=53 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=53 dport=53 mark=0 zone=0 use=2\n';

test('a translated flow with counters, mark and zone', () => {
  const { list } = read(TRANSLATED);
  assert.deepEqual(list, [
    {
      destroyed: false,
      tuples: '10.0.0.1 40000 > 10.0.0.9 80 | 10.1.0.2 8080 > 10.1.0.1 31000',
      originalZone: 7,
      replyZone: 7,
      status:
        FlowStatus.Confirmed |
        FlowStatus.SeenReply |
        FlowStatus.Assured |
        FlowStatus.SourceNat |
        FlowStatus.DestinationNat,
      tcpState: FlowTcpState.Established,
      id: 0,
      mark: 5,
      timeoutSeconds: 431999,
      originalPackets: 3,
      originalBytes: 164,
      replyPackets: 2,
      replyBytes: 112,
      startMillis: 0,
      stopMillis: 0,
    },
  ]);
});

test('flows without an answer, of IPv6, and offloaded ones', () => {
  const { list } = read(UNREPLIED + IPV6 + OFFLOADED);
  assert.deepEqual(
    list.map(({ tuples, status, tcpState, originalZone, replyZone }) => ({
      tuples,
      status,
      tcpState,
      zones: [originalZone, replyZone],
    })),
    [
      {
        tuples: '10.0.0.1 1 > 10.0.0.9 2 | 10.0.0.9 2 > 10.0.0.1 1',
        status: FlowStatus.Confirmed,
        tcpState: FlowTcpState.SynSent,
        zones: [3, 0],
      },
      {
        tuples: 'fd00::1 5 > fd00::2 6 | fd00::3 7 > fd00::1 5',
        status: FlowStatus.Confirmed | FlowStatus.SeenReply | FlowStatus.Assured | FlowStatus.DestinationNat,
        tcpState: FlowTcpState.TimeWait,
        zones: [0, 0],
      },
      {
        tuples: '1.2.3.4 1 > 5.6.7.8 2 | 5.6.7.8 2 > 1.2.3.4 1',
        status: FlowStatus.Confirmed | FlowStatus.SeenReply | FlowStatus.Offload,
        tcpState: FlowTcpState.Unknown,
        zones: [0, 0],
      },
    ],
  );
});

test('an empty table, other protocols, and lines that are not of the known form', () => {
  assert.deepEqual(read(''), { list: [], flows: 0, otherProtocols: 0, malformed: 0 });
  for (const broken of [
    'nonsense\n',
    '\n',
    TRANSLATED.slice(0, 100) + '\n',
    TRANSLATED.replace('10.0.0.1', '10.0.0.256'),
    TRANSLATED.replace('sport=40000', 'sport=65536'),
    TRANSLATED.replace('src=10.1.0.2', 'dst=10.1.0.2'),
    IPV6.replace('fd00::2', 'fd00::2::1'),
    `${'x'.repeat(3000)}\n`,
  ]) {
    const { flows, otherProtocols, malformed } = read(UDP + broken + OFFLOADED);
    assert.deepEqual([flows, otherProtocols, malformed], [1, 1, 1], broken);
  }
});

test('fuzz: any text is read to the end without an error', () => {
  const pieces = fc.constantFrom(
    ...[TRANSLATED, UNREPLIED, IPV6, OFFLOADED, UDP].flatMap((line) => [line, ...line.split(' ')]),
    '\n',
    'src=::',
    'packets=99999999999999999999',
  );
  const text = fc
    .array(fc.oneof(pieces, fc.string()), { maxLength: 40 })
    .map((parts) => Buffer.from(parts.join(' ')));
  fc.assert(
    fc.property(fc.oneof(text, fc.uint8Array({ maxLength: 500 })), (bytes) => {
      const { list, flows, otherProtocols, malformed } = read(bytes);
      assert.equal(list.length, flows);
      const lines = Buffer.from(bytes).toString('latin1').split('\n').length;
      assert.ok(flows + otherProtocols + malformed <= lines);
      for (const { tuples } of list) assert.match(tuples, /^(?:[0-9a-f.:]+ \d+(?: [>|] )?){4}$/);
    }),
    { numRuns: 3000 },
  );
});
