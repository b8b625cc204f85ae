/**
 * The `t` of a WebSocket: how often it wants news, as a Go duration (`1s`, `500ms`).
 */
import { AppError } from '../errors.js';

const DURATION = /^(\d{1,6}(?:\.\d{1,3})?)(ms|s|m)$/;
const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
]);

const DEFAULT_INTERVAL_MS = 5_000;
const INTERVAL_MIN_MS = 100;
const INTERVAL_MAX_MS = 60_000;

/**
 * Milliseconds between news; what is too often or too seldom is brought into bounds.
 * @throws AppError BAD_QUERY
 */
export function intervalMsFrom(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_INTERVAL_MS;
  const match = DURATION.exec(text);
  if (match === null)
    throw new AppError(
      'BAD_QUERY',
      `cannot read t=${JSON.stringify(text.slice(0, 40))} as a duration such as 1s`,
    );
  const milliseconds = Number(match[1]) * (UNIT_MS.get(match[2]!) ?? 0);
  return Math.min(INTERVAL_MAX_MS, Math.max(INTERVAL_MIN_MS, milliseconds));
}
