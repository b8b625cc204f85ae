/**
 * Decodes bodies made to be expensive and prints what each came to, as JSON. To be run with a small heap: a decoder
 * that believes what the bodies announce, or builds before it looks at its limits, does not survive it.
 */
import { decodeReport, ReportError, reportFromJson } from '../../src/report/index.js';
import { toGoMsgpack } from './go-msgpack.js';

const MEGABYTE = 1024 * 1024;
/** Body limits above the bodies' sizes, so that other limits have to do the work. */
const limits = { maxBytes: 64 * MEGABYTE, maxNodes: 20_000, maxEntries: 200_000 };

function head(type: number, count: number): Buffer {
  const bytes = Buffer.alloc(5, type);
  bytes.writeUInt32BE(count, 1);
  return bytes;
}

function field(key: string, ...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.of(0x81), toGoMsgpack(key), ...parts]);
}

/** `count` times a key of four bytes and `value`. */
function entries(count: number, value: Buffer): Buffer {
  const size = 5 + value.length;
  const bytes = Buffer.alloc(count * size, 0xa4);
  for (let i = 0; i < count; i++) {
    bytes.write(i.toString(36).padStart(4, '0'), i * size + 1);
    value.copy(bytes, i * size + 5);
  }
  return bytes;
}

function flows(count: number): Buffer {
  const one = toGoMsgpack({ client: { address: 'a' }, server: { address: 'b', port: 1 } });
  return Buffer.alloc(count * one.length, one);
}

function ports(count: number): Buffer {
  return Buffer.alloc(count * 3, Buffer.of(0x92, 1, 1));
}

const MAP = 0xdf;
const LIST = 0xdd;
const million = 1_000_000;
const emptyMaps = Buffer.alloc(32 * MEGABYTE, 0x80);

const bodies: Readonly<Record<string, () => unknown>> = {
  'a list of four billion': () => decodeReport(field('Plugins', head(LIST, 0xffff_ffff)), limits),
  'a map of four billion nodes': () =>
    decodeReport(field('Endpoint', field('nodes', head(MAP, 0xffff_ffff))), limits),
  'a text of four gigabytes': () => decodeReport(field('ID', head(0xdb, 0xffff_ffff)), limits),
  'lists in lists': () => decodeReport(field('Plugins', Buffer.alloc(32 * MEGABYTE, 0x91)), limits),
  'lists in lists nobody reads': () =>
    decodeReport(field('Unheard', Buffer.alloc(32 * MEGABYTE, 0x91)), limits),
  'a million nodes': () =>
    decodeReport(field('Endpoint', field('nodes', head(MAP, million), entries(million, Buffer.of(0x80)))), {
      ...limits,
      maxEntries: 10 * million,
    }),
  'a million facts': () =>
    decodeReport(
      field(
        'Host',
        field('nodes', field('x', field('latest', head(MAP, million), entries(million, Buffer.of(0x80))))),
      ),
      limits,
    ),
  'empty maps by the million': () =>
    decodeReport(field('Plugins', head(LIST, emptyMaps.length), emptyMaps), limits),
  'empty maps nobody reads, with all the entries they want': () =>
    decodeReport(field('Unheard', head(LIST, emptyMaps.length), emptyMaps), {
      ...limits,
      maxEntries: 2 ** 32,
    }),
  'empty flows by the million': () =>
    decodeReport(field('Flows', head(LIST, emptyMaps.length), emptyMaps), limits),
  'flows by the million': () => decodeReport(field('Flows', head(LIST, million), flows(million)), limits),
  'a flow of a million ports': () =>
    decodeReport(
      field('Flows', Buffer.of(0x91), field('ports', head(LIST, million), ports(million))),
      limits,
    ),
  'JSON lists in lists': () => reportFromJson(`{"Unheard":${'['.repeat(4 * MEGABYTE)}`, limits),
  'JSON maps by the million': () => reportFromJson(`{"Plugins":[${'{},'.repeat(million)}{}]}`, limits),
  'JSON backslashes': () => reportFromJson(`{"ID":"${'\\\\'.repeat(2 * MEGABYTE)}"}`, limits),
  'JSON quotes': () => reportFromJson(`{"ID":"${'\\"'.repeat(2 * MEGABYTE)}"}`, limits),
};

function outcome(decode: () => unknown): string {
  try {
    decode();
    return 'read';
  } catch (error) {
    if (error instanceof ReportError) return error.code;
    throw error;
  }
}

console.log(
  JSON.stringify(Object.fromEntries(Object.entries(bodies).map(([name, decode]) => [name, outcome(decode)]))),
);
