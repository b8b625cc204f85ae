/** Reports as JSON, the form people and other programs read. */
import { JsonReader } from './json-reader.js';
import { JsonWriter } from './json-writer.js';
import { DEFAULT_LIMITS, type DecodeLimits } from './limits.js';
import type { Report } from '../model/model.js';
import { readReport } from './report-reader.js';
import { writeReport } from './report-writer.js';

/** `application/json` in Scope's form; every topology is there, be it empty. Times of offset 0 come out as UTC. */
export function reportToJson(report: Report): string {
  const writer = new JsonWriter();
  writeReport(writer, report, true);
  return writer.finish();
}

/**
 * @param limits bounds to replace the defaults; `maxBytes` bounds the characters
 * @throws ReportError for anything that is not a report within the limits
 */
export function reportFromJson(json: string, limits: Partial<DecodeLimits> = {}): Report {
  const all = { ...DEFAULT_LIMITS, ...limits };
  return readReport(new JsonReader(json, all), all);
}
