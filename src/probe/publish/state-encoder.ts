/**
 * The bytes of the newest state, made once for all apps that have the same of it: as a statement since what they
 * confirmed, or as a report since what they were delivered.
 *
 * Encoding itself stays on the event loop: handing a state to another thread copies it there, which takes longer
 * than encoding it. Compression, the greater part of the work, is done on the thread pool.
 */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { ReportMark, StatedSource } from '../../flows/stated.js';
import { encodeStatement } from '../../flows/wire/index.js';
import { encodeReport } from '../../report/index.js';
import { FACT, numberOf } from '../../report/keys.js';
import type { Report } from '../../report/model/model.js';

const gzipped = promisify(gzip);
/** A fifth smaller than at level 1; the event loop does not wait for it. */
const LEVEL = constants.Z_DEFAULT_COMPRESSION;

export interface EncodingCounters {
  encoded: number;
  encoded_bytes: number;
  compressed_bytes: number;
}

export interface EncodedStatement {
  /** Gzipped. */
  readonly body: Buffer;
  readonly seq: number;
}

export interface EncodedReport {
  /** Gzipped MessagePack. */
  readonly body: Buffer;
  /** What an app that takes it has then. */
  readonly mark: ReportMark;
  /** Connections in it. */
  readonly connections: number;
}

export class StateEncoder {
  readonly counters: EncodingCounters = { encoded: 0, encoded_bytes: 0, compressed_bytes: 0 };
  /** Of the newest state, one for each base that an app has; no more than there are apps. */
  readonly #statements = new Map<number, Promise<EncodedStatement>>();
  readonly #reports = new Map<ReportMark | undefined, Promise<EncodedReport>>();

  constructor(private readonly source: StatedSource) {}

  /** There is a new state: bodies of the one before are let go. */
  renew(): void {
    this.#statements.clear();
    this.#reports.clear();
  }

  /** @param base 0: the whole state. @throws StatementError for a mistake of the source */
  statement(base: number): Promise<EncodedStatement> {
    return getOrMake(this.#statements, base, () => this.#makeStatement(base));
  }

  /** @param since undefined: nothing was delivered before */
  report(since: ReportMark | undefined): Promise<EncodedReport> {
    return getOrMake(this.#reports, since, () => this.#makeReport(since));
  }

  async #makeStatement(base: number): Promise<EncodedStatement> {
    const statement = this.source.statementSince(base);
    return { body: await this.#compress(encodeStatement(statement)), seq: statement.seq };
  }

  async #makeReport(since: ReportMark | undefined): Promise<EncodedReport> {
    const { report, mark } = this.source.reportSince(since);
    return { body: await this.#compress(encodeReport(report)), mark, connections: connectionsOf(report) };
  }

  async #compress(bytes: Uint8Array): Promise<Buffer> {
    const body = await gzipped(bytes, { level: LEVEL });
    this.counters.encoded++;
    this.counters.encoded_bytes += bytes.byteLength;
    this.counters.compressed_bytes += body.byteLength;
    return body;
  }
}

/** That its endpoints stand for: `conn_count` of those that open connections; absent: one. */
function connectionsOf({ topologies }: Report): number {
  let connections = 0;
  for (const node of topologies.get('Endpoint')?.nodes.values() ?? [])
    if (node.adjacency !== undefined) connections += numberOf(node, FACT.connCount) ?? 1;
  return connections;
}

function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
