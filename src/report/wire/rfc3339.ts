/**
 * RFC 3339 with nanoseconds, the way Go writes it: trailing zeros of the fraction dropped, `Z` for a zero offset.
 */
import type { Timestamp } from '../model/model.js';
import { MAX_UNIX_SECONDS, MIN_UNIX_SECONDS, ZONE_UTC, isWithinRange } from '../model/timestamp.js';

const SECONDS_PER_DAY = 86_400;

/** `2026-11-21T07:08:56.123456789Z`, or with the offset the instant was taken in (`+02:00`). */
export function formatTimestamp(timestamp: Timestamp): string {
  let offset = timestamp.zoneMinutes === ZONE_UTC ? 0 : timestamp.zoneMinutes;
  let local = timestamp.unixSeconds + offset * 60;
  if (local < MIN_UNIX_SECONDS || local > MAX_UNIX_SECONDS) {
    offset = 0; // the local year would not have four digits
    local = timestamp.unixSeconds;
  }
  const days = Math.floor(local / SECONDS_PER_DAY);
  const second = local - days * SECONDS_PER_DAY;
  const [year, month, day] = dateOfDay(days);
  const time = `${pad(Math.floor(second / 3600))}:${pad(Math.floor(second / 60) % 60)}:${pad(second % 60)}`;
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}T${time}${fraction(timestamp.nanos)}${zone(offset)}`;
}

const PATTERN =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,64}))?(?:([Zz])|([+-])(\d{2}):(\d{2}))$/;

/** Undefined when the text is not RFC 3339. Digits beyond nanoseconds are cut off; `Z` is UTC, `+00:00` an offset. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const field = (index: number): number => Number(match[index] ?? '0');
  const [year, month, day] = [field(1), field(2), field(3)];
  const [hour, minute, second] = [field(4), field(5), field(6)];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59 || field(10) > 23 || field(11) > 59) return undefined;
  const nanos = Number((match[7] ?? '').slice(0, 9).padEnd(9, '0'));
  const offset = (field(10) * 60 + field(11)) * (match[9] === '-' ? -1 : 1);
  const unixSeconds =
    dayOfDate(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset * 60;
  const zoneMinutes = match[8] === undefined ? offset || 0 : ZONE_UTC;
  return isWithinRange(unixSeconds, nanos, zoneMinutes) ? { unixSeconds, nanos, zoneMinutes } : undefined;
}

function pad(value: number, width = 2): string {
  return String(value).padStart(width, '0');
}

function fraction(nanos: number): string {
  return nanos === 0 ? '' : `.${pad(nanos, 9).replace(/0+$/, '')}`;
}

function zone(offset: number): string {
  if (offset === 0) return 'Z';
  const minutes = Math.abs(offset);
  return `${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days since 1970-01-01. `Date.UTC` is of no use here: it takes the years 0 to 99 for 1900 to 1999. */
function dayOfDate(year: number, month: number, day: number): number {
  return Date.UTC(year + 400, month - 1, day) / (SECONDS_PER_DAY * 1000) - DAYS_IN_400_YEARS;
}

function dateOfDay(days: number): readonly [year: number, month: number, day: number] {
  const date = new Date(days * SECONDS_PER_DAY * 1000);
  return [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
}

/** The Gregorian calendar repeats after this many. */
const DAYS_IN_400_YEARS = 146_097;
