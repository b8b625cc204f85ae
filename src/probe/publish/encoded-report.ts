/**
 * The bytes of a report, made once however many apps get it.
 *
 * Encoding itself stays on the event loop: handing a report to another thread copies it there, which takes longer
 * than encoding it. Compression, the greater part of the work, is done on the thread pool.
 */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { encodeReport } from '../../report/index.js';
import type { Report } from '../../report/model/model.js';
import { changesSince } from './changes.js';

const gzipped = promisify(gzip);
/** A fifth smaller than at level 1; the event loop does not wait for it. */
const LEVEL = constants.Z_DEFAULT_COMPRESSION;

export interface EncodingCounters {
  encoded: number;
  encoded_bytes: number;
  compressed_bytes: number;
}

export class ReportEncoder {
  readonly counters: EncodingCounters = { encoded: 0, encoded_bytes: 0, compressed_bytes: 0 };
  readonly #bodies = new WeakMap<Report, WeakMap<Report, Promise<Buffer>>>();

  /** The report as gzipped MessagePack. @param base what the app has already: only what changed since is encoded */
  encode(report: Report, base?: Report): Promise<Buffer> {
    let bodies = this.#bodies.get(report);
    if (!bodies) this.#bodies.set(report, (bodies = new WeakMap()));
    let body = bodies.get(base ?? report);
    if (!body) bodies.set(base ?? report, (body = this.#encode(base ? changesSince(base, report) : report)));
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
