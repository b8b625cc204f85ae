/** A test reporter that tells of each check by one line on the console. */
import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';
import { rungByName } from '../rungs.js';
import { writeSight } from '../sight.js';

/** The part of node:test's events that is read. */
interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly nesting?: number;
    readonly details?: { readonly duration_ms?: number; readonly error?: Error };
  };
}

const LONGEST = 160;

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const rung = rungByName(process.env['TOPOPROBE_RUNG'] ?? 'files');
  for await (const { type, data } of events) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.nesting !== 0) continue;
    const seconds = Math.round((data.details?.duration_ms ?? 0) / 100) / 10;
    const failed = type === 'test:fail' && { instead: seenInstead(data.details?.error) };
    yield writeSight({ rung, check: data.name ?? '?', seconds, ...failed });
  }
}

/** In one short line. */
function seenInstead(error: Error | undefined): string {
  const cause = error?.cause instanceof Error ? error.cause : error;
  const isComparison = cause instanceof AssertionError && (cause as Generated).generatedMessage === true;
  const text = isComparison ? difference(cause.actual, cause.expected) : (cause?.message ?? 'no reason');
  const line = text.replace(/\s+/g, ' ');
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/** Missing in node's types: whether nobody gave the assertion a text. */
interface Generated {
  readonly generatedMessage?: boolean;
}

/** Of two lists only what is not in both. */
function difference(actual: unknown, expected: unknown): string {
  const short = (value: unknown): string =>
    inspect(value, { breakLength: Infinity, compact: true, depth: 4 });
  if (!Array.isArray(actual) || !Array.isArray(expected))
    return `${short(actual)} instead of ${short(expected)}`;
  const without = (some: readonly unknown[], others: readonly unknown[]): string[] => {
    const known = new Set(others.map(short));
    return some.map(short).filter((each) => !known.has(each));
  };
  return `${without(actual, expected).join(', ') || 'nothing'} instead of ${without(expected, actual).join(', ') || 'nothing'}`;
}
