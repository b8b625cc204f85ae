/**
 * Reads rows of a report's `Flows`. A row has both ends' addresses, be they empty (the rest of the flows, which there was no
 * room for), and its numbers are possible ones: what can't be is refused, with the whole report. Keys that are not known are
 * passed over, as everywhere in a report.
 */
import type { FlowRow, FlowRowEnd, FlowRowPort, FlowRowServer } from '../model/flow-row.js';
import type { Mutable } from '../model/mutable.js';
import { readFields, readTextMap, type ValueReader } from './value-reader.js';

/** A row of few bytes on the wire takes about a kilobyte in memory: it counts as so many entries. */
const ROW_ENTRIES = 32;
const PORT_MAX = 0xffff;
const COUNTS = new Set([
  'connections',
  'opened',
  'closed',
  'live',
  'bytesSent',
  'bytesReceived',
  'retransmits',
] as const);
type Count = typeof COUNTS extends Set<infer K> ? K : never;
type Evidence = FlowRow['evidence'];

/** @param rowsMax more are refused */
export function readFlowRows(reader: ValueReader, rowsMax: number): FlowRow[] | undefined {
  if (!reader.enterList('flows')) return undefined;
  const rows: FlowRow[] = [];
  while (reader.nextElement()) {
    if (rows.length >= rowsMax) reader.fail('TOO_MANY_FLOWS', 'cannot read flows');
    reader.charge(ROW_ENTRIES);
    rows.push(readFlowRow(reader));
  }
  return rows;
}

function readFlowRow(reader: ValueReader): FlowRow {
  let client: FlowRowEnd | undefined;
  let server: FlowRowServer | undefined;
  let evidence: Evidence = {};
  let failed: FlowRow['failed'] = {};
  let ports: FlowRowPort[] = [];
  let scope = '';
  const counts: Record<Count, number> = {
    connections: 0,
    opened: 0,
    closed: 0,
    live: 0,
    bytesSent: 0,
    bytesReceived: 0,
    retransmits: 0,
  };
  const more: Mutable<Pick<FlowRow, 'via' | 'rttMicros' | 'connectMicros' | 'sampled'>> = {};
  readFields(reader, 'a flow', (key) => {
    if (isCount(key)) {
      counts[key] = wholeNumber(reader, 'a count of a flow');
      return true;
    }
    if (reader.kind() === 'nil') return false;
    switch (key) {
      case 'scope':
        scope = reader.identifier('the scope of a flow');
        return true;
      case 'client':
        client = readEnd(reader, 'the client of a flow');
        return true;
      case 'server': {
        const { port, ...end } = readEnd(reader, 'the server of a flow');
        server = {
          ...end,
          port: port ?? reader.fail('BAD_FLOW', 'cannot read a flow: its server has no port'),
        };
        return true;
      }
      case 'via':
        more.via = reader.identifier('what was dialled');
        return true;
      case 'failed':
        failed = Object.fromEntries(
          readTextMap(reader, 'failed connects', () => wholeNumber(reader, 'failed connects')),
        );
        return true;
      case 'rttMicros':
      case 'connectMicros':
        more[key] = notNegative(reader, reader.number('a time of a flow'), 'a time of a flow');
        return true;
      case 'evidence':
        evidence = readEvidence(reader);
        return true;
      case 'sampled':
        if (reader.boolean('whether a flow is sampled')) more.sampled = true;
        return true;
      case 'ports':
        ports = readPorts(reader);
        return true;
      default:
        return false;
    }
  });
  if (client === undefined || server === undefined)
    return reader.fail('BAD_FLOW', 'cannot read a flow: an end is missing');
  return { scope, client, server, ...counts, failed, ...more, evidence, ports };
}

function isCount(key: string): key is Count {
  return (COUNTS as ReadonlySet<string>).has(key);
}

function readEnd(reader: ValueReader, what: string): FlowRowEnd & { port?: number } {
  const end: Mutable<Partial<FlowRowEnd>> & { port?: number } = {};
  readFields(reader, what, (key) => {
    if (reader.kind() === 'nil') return false;
    switch (key) {
      case 'address':
        end.address = reader.identifier(what);
        return true;
      case 'port':
        end.port = readPort(reader, 0);
        return true;
      case 'host':
        end.host = reader.identifier(what);
        return true;
      case 'pid':
      case 'start':
        end[key] = wholeNumber(reader, what);
        return true;
      case 'name':
        end.name = reader.text(what);
        return true;
      default:
        return false;
    }
  });
  const { address, ...more } = end;
  if (address === undefined) return reader.fail('BAD_FLOW', `cannot read ${what}: it has no address`);
  return { address, ...more };
}

function readEvidence(reader: ValueReader): Evidence {
  const evidence: Mutable<Evidence> = {};
  readFields(reader, 'the evidence of a flow', (key) => {
    if (reader.kind() === 'nil') return false;
    if (key !== 'direction' && key !== 'clientProcess' && key !== 'serverProcess' && key !== 'nat')
      return false;
    evidence[key] = reader.text('the evidence of a flow');
    return true;
  });
  return evidence;
}

function readPorts(reader: ValueReader): FlowRowPort[] {
  const ports: FlowRowPort[] = [];
  if (!reader.enterList('ports')) return ports;
  while (reader.nextElement()) {
    const pair: number[] = [];
    if (reader.enterList('a port')) {
      while (reader.nextElement()) {
        pair.push(pair.length === 0 ? readPort(reader, 1) : wholeNumber(reader, 'what a port stands for'));
        if (pair.length > 2) break;
      }
    }
    const [port, standsFor] = pair;
    if (port === undefined || standsFor === undefined || pair.length > 2)
      return reader.fail('BAD_FLOW', 'cannot read a port: it is not a port and a count');
    ports.push([port, standsFor]);
  }
  return ports;
}

function readPort(reader: ValueReader, least: number): number {
  const port = wholeNumber(reader, 'a port');
  if (port < least || port > PORT_MAX) reader.fail('BAD_NUMBER', 'cannot read a port');
  return port;
}

function wholeNumber(reader: ValueReader, what: string): number {
  const value = notNegative(reader, reader.number(what), what);
  return Number.isSafeInteger(value) ? value : reader.fail('BAD_NUMBER', `cannot read ${what}`);
}

function notNegative(reader: ValueReader, value: number, what: string): number {
  return value >= 0 ? value : reader.fail('BAD_NUMBER', `cannot read ${what}`);
}
