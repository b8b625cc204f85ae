/** Decodes a statement. No announced length is trusted. */
import type { DnsNames } from '../../report/model/model.js';
import type { Mutable } from '../../report/model/mutable.js';
import { sortedUnique } from '../../report/model/string-sets.js';
import { STATEMENT_VERSION, type Statement } from '../statement.js';
import { Budget } from './budget.js';
import { ColumnsReader } from './column-reader.js';
import { DictionaryReader } from './dictionary-reader.js';
import { unpackEnvelope, type HeadValue } from './envelope.js';
import { StatementError } from './errors.js';
import { readFacts } from './fact-reader.js';
import { Field, HEAD } from './fields.js';
import { readFlows, readGoneFlows } from './flow-reader.js';
import { DEFAULT_STATEMENT_LIMITS, type StatementLimits } from './limits.js';

/** The longest probe id, and host name (RFC 1035 allows 253). */
const NAME_LENGTH_MAX = 255;

type Head = Pick<
  Statement,
  'version' | 'probe' | 'epoch' | 'seq' | 'base' | 'host' | 'atMs' | 'intervalMs' | 'sampling'
>;

/**
 * Reads the output of `encodeStatement` of any probe. The statement does not refer to `bytes`.
 *
 * @param limits bounds to replace the defaults
 * @throws StatementError if the bytes are no statement within the limits
 */
export function decodeStatement(bytes: Uint8Array, limits: Partial<StatementLimits> = {}): Statement {
  const budget = new Budget({ ...DEFAULT_STATEMENT_LIMITS, ...limits });
  if (bytes.length > budget.limits.maxBytes)
    throw new StatementError('TOO_LARGE', `cannot read a statement of ${bytes.length} bytes`);
  const envelope = unpackEnvelope(bytes);
  const head = readHead(envelope.head);
  const columns = new ColumnsReader(envelope.fields);
  const dictionary = new DictionaryReader(columns, budget);
  const flows = readFlows(columns, dictionary, budget, head.base === 0);
  const gone = readGoneFlows(columns, budget, flows);
  const facts = readFacts(columns, dictionary, budget);
  const dns = readDns(columns, dictionary, budget);
  columns.end();
  return { ...head, flows, gone, facts, dns };
}

function readHead(values: ReadonlyMap<string, HeadValue>): Head {
  const number = (name: string): number => {
    const value = values.get(name);
    if (typeof value !== 'number') throw new StatementError('WRONG_TYPE', `cannot read ${name}`);
    if (!Number.isSafeInteger(value) || value < 0)
      throw new StatementError('BAD_NUMBER', `cannot read ${name}`);
    return value + 0; // -0 becomes 0
  };
  const text = (name: string): string => {
    const value = values.get(name);
    if (typeof value !== 'string') throw new StatementError('WRONG_TYPE', `cannot read ${name}`);
    if (value.length > NAME_LENGTH_MAX)
      throw new StatementError('TEXT_TOO_LONG', `cannot read ${name} of ${value.length} characters`);
    return value;
  };
  const version = number(HEAD.version);
  if (version !== STATEMENT_VERSION)
    throw new StatementError('UNSUPPORTED_VERSION', `cannot read version ${version}`);
  const head: Mutable<Head> = {
    version,
    probe: text(HEAD.probe),
    epoch: number(HEAD.epoch),
    seq: number(HEAD.seq),
    base: number(HEAD.base),
    host: text(HEAD.host),
    atMs: number(HEAD.atMs),
    intervalMs: number(HEAD.intervalMs),
  };
  if (head.seq === 0 || head.base > head.seq)
    throw new StatementError('BAD_NUMBER', `cannot read state ${head.seq} since ${head.base}`);
  if (head.probe === '') throw new StatementError('WRONG_TYPE', `cannot read ${HEAD.probe}`);
  if (values.has(HEAD.samplingCount) || values.has(HEAD.samplingTotal))
    head.sampling = { count: number(HEAD.samplingCount), total: number(HEAD.samplingTotal) };
  return head;
}

function readDns(
  columns: ColumnsReader,
  dictionary: DictionaryReader,
  budget: Budget,
): Map<string, DnsNames> {
  const addresses = columns.rows(Field.DnsAddresses);
  const forwardCounts = columns.column(Field.DnsForward);
  const reverseCounts = columns.column(Field.DnsReverse);
  const names = columns.rows(Field.DnsNames);
  const texts = (count: number): readonly string[] => {
    const read: string[] = [];
    for (let left = count; left > 0; left--) {
      budget.entry();
      read.push(dictionary.text(names.next()));
    }
    return sortedUnique(read);
  };
  const dns = new Map<string, DnsNames>();
  while (!addresses.isAtEnd) {
    budget.entry();
    const address = dictionary.text(addresses.next());
    if (dns.has(address)) throw new StatementError('DUPLICATE', 'cannot read the names of an address twice');
    const forward = texts(forwardCounts.next());
    const reverse = texts(reverseCounts.next());
    dns.set(address, { ...(forward.length > 0 && { forward }), ...(reverse.length > 0 && { reverse }) });
  }
  return dns;
}
