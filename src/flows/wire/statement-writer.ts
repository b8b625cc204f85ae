/** Encodes a statement. */
import type { DnsNames } from '../../report/model/model.js';
import type { Statement } from '../statement.js';
import { ColumnsWriter } from './column-writer.js';
import { DictionaryWriter } from './dictionary-writer.js';
import { packEnvelope, type HeadValue } from './envelope.js';
import { StatementError } from './errors.js';
import { writeFacts } from './fact-writer.js';
import { Field, HEAD } from './fields.js';
import { writeFlows, writeIds } from './flow-writer.js';

/**
 * The body of a POST to /api/flows, before compression. The bytes belong to the caller.
 *
 * @throws StatementError BAD_NUMBER, WRONG_ORDER for a statement that no reader would take: a mistake of its maker
 */
export function encodeStatement(statement: Statement): Uint8Array {
  const columns = new ColumnsWriter();
  const dictionary = new DictionaryWriter();
  writeFlows(columns, dictionary, statement.flows);
  writeIds(columns, Field.GoneFlows, statement.gone);
  writeFacts(columns, dictionary, statement.facts);
  writeDns(columns, dictionary, statement.dns);
  dictionary.finish(columns);
  return packEnvelope({ head: headOf(statement), fields: columns.finish() });
}

function headOf(statement: Statement): Map<string, HeadValue> {
  const { version, probe, epoch, seq, base, host, atMs, intervalMs, sampling } = statement;
  const head = new Map<string, HeadValue>([
    [HEAD.version, version],
    [HEAD.probe, probe],
    [HEAD.epoch, epoch],
    [HEAD.seq, seq],
    [HEAD.base, base],
    [HEAD.host, host],
    [HEAD.atMs, atMs],
    [HEAD.intervalMs, intervalMs],
  ]);
  if (sampling !== undefined)
    head.set(HEAD.samplingCount, sampling.count).set(HEAD.samplingTotal, sampling.total);
  for (const [name, value] of head)
    if (typeof value === 'number' && (!Number.isSafeInteger(value) || value < 0))
      throw new StatementError('BAD_NUMBER', `cannot write ${value} as ${name}`);
  return head;
}

function writeDns(
  columns: ColumnsWriter,
  dictionary: DictionaryWriter,
  dns: ReadonlyMap<string, DnsNames>,
): void {
  const addresses = columns.rows(Field.DnsAddresses);
  const forwardCounts = columns.column(Field.DnsForward);
  const reverseCounts = columns.column(Field.DnsReverse);
  const names = columns.rows(Field.DnsNames);
  for (const [address, { forward = [], reverse = [] }] of dns) {
    addresses.push(dictionary.text(address));
    forwardCounts.push(forward.length);
    reverseCounts.push(reverse.length);
    for (const name of forward) names.push(dictionary.text(name));
    for (const name of reverse) names.push(dictionary.text(name));
  }
}
