/**
 * Instants as reports carry them: to the nanosecond, with the zone they were taken in.
 */
import type { Timestamp } from './model.js';

/** Seconds from Go's year 1 to 1970. */
export const GO_EPOCH_SECONDS = 62_135_596_800;

/** Go's marker in place of an offset: the instant was taken in UTC. */
export const ZONE_UTC = -1;

/** 0000-01-01 and 9999-12-31T23:59:59, the years RFC 3339 can write; Unix seconds. */
export const MIN_UNIX_SECONDS = -62_167_219_200;
export const MAX_UNIX_SECONDS = 253_402_300_799;

/** Go's zero time: "not set". */
export const GO_ZERO: Timestamp = { unixSeconds: -GO_EPOCH_SECONDS, nanos: 0, zoneMinutes: ZONE_UTC };

/** The time on this machine's wall clock, to the millisecond. Take it once per report and share it. */
export function now(): Timestamp {
  return fromMillis(Date.now());
}

/** @param millis milliseconds since 1970, fractions kept to the nanosecond as far as a double has them */
export function fromMillis(millis: number): Timestamp {
  const unixSeconds = Math.floor(millis / 1000);
  const nanos = Math.min(999_999_999, Math.max(0, Math.round((millis - unixSeconds * 1000) * 1e6)));
  return { unixSeconds, nanos, zoneMinutes: ZONE_UTC };
}

/** Milliseconds since 1970; what is finer is cut off. */
export function toMillis(timestamp: Timestamp): number {
  return timestamp.unixSeconds * 1000 + Math.floor(timestamp.nanos / 1e6);
}

/** Negative, zero or positive like `a - b`. Zones play no part: it is about instants. */
export function compare(a: Timestamp, b: Timestamp): number {
  return a === b ? 0 : a.unixSeconds - b.unixSeconds || a.nanos - b.nanos;
}

/** Not set, whatever the zone. */
export function isZero(timestamp: Timestamp): boolean {
  return timestamp.unixSeconds === -GO_EPOCH_SECONDS && timestamp.nanos === 0;
}

/** What a report can carry: years 0 to 9999, whole nanoseconds, an offset of less than a day. */
export function isWithinRange(unixSeconds: number, nanos: number, zoneMinutes: number): boolean {
  return (
    unixSeconds >= MIN_UNIX_SECONDS &&
    unixSeconds <= MAX_UNIX_SECONDS &&
    nanos >= 0 &&
    nanos <= 999_999_999 &&
    zoneMinutes > -1440 &&
    zoneMinutes < 1440
  );
}
