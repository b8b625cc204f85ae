/**
 * The bytes of a report, made once however many apps get it.
 *
 * Encoding itself stays on the event loop: handing a report to another thread copies it there, which takes longer
 * than encoding it. Compression, the greater part of the work, is done on the thread pool.
 */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { encodeReport } from '../../report/index.js';
import type { Report } from '../../report/model.js';

const gzipped = promisify(gzip);
/** Level 1 is several times faster than the usual 6, for a tenth more bytes. */
const LEVEL = constants.Z_BEST_SPEED;

export interface EncodingCounters {
  encoded: number;
  encoded_bytes: number;
  compressed_bytes: number;
}

export class ReportEncoder {
  readonly counters: EncodingCounters = { encoded: 0, encoded_bytes: 0, compressed_bytes: 0 };
  readonly #bodies = new WeakMap<Report, Promise<Buffer>>();

  /** The report as gzipped MessagePack. */
  encode(report: Report): Promise<Buffer> {
    let body = this.#bodies.get(report);
    if (!body) this.#bodies.set(report, (body = this.#encode(report)));
    return body;
  }

  async #encode(report: Report): Promise<Buffer> {
    const bytes = encodeReport(report);
    const body = await gzipped(bytes, { level: LEVEL });
    this.counters.encoded++;
    this.counters.encoded_bytes += bytes.byteLength;
    this.counters.compressed_bytes += body.byteLength;
    return body;
  }
}
