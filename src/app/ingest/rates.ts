/**
 * How often reports may come: per probe, so that one that runs wild does not use up what all share, and together.
 * Each rate is a bucket that holds two seconds' worth and fills evenly; a refused report takes nothing out.
 */
import { LruMap } from '../../machine/lru-map.js';
import { AppError } from '../errors.js';

const BURST_SECONDS = 2;

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

export interface RateLimits {
  readonly reportsPerSecond: number;
  readonly reportsPerSecondPerProbe: number;
  /** Probes remembered; the one not heard of for longest is forgotten. */
  readonly probes: number;
}

export class Rates {
  readonly #limits: RateLimits;
  readonly #all: Bucket;
  readonly #byProbe: LruMap<string, Bucket>;

  constructor(limits: RateLimits, nowMs: number) {
    this.#limits = limits;
    this.#byProbe = new LruMap(limits.probes);
    this.#all = { tokens: limits.reportsPerSecond * BURST_SECONDS, filledAtMs: nowMs };
  }

  /**
   * Counts a report of `probe`.
   * @param nowMs of a clock that never goes back
   * @throws AppError TOO_OFTEN, ENGINE_BUSY
   */
  take(probe: string, nowMs: number): void {
    const { reportsPerSecond, reportsPerSecondPerProbe } = this.#limits;
    const own = this.#bucketOf(probe, nowMs);
    fill(own, reportsPerSecondPerProbe, nowMs);
    fill(this.#all, reportsPerSecond, nowMs);
    if (own.tokens < 1) {
      throw new AppError('TOO_OFTEN', `refused a report: more than ${reportsPerSecondPerProbe} a second`, {
        retryAfterSeconds: secondsUntilOne(own, reportsPerSecondPerProbe),
      });
    }
    if (this.#all.tokens < 1) {
      throw new AppError(
        'ENGINE_BUSY',
        `refused a report: more than ${reportsPerSecond} a second from all probes`,
        {
          retryAfterSeconds: secondsUntilOne(this.#all, reportsPerSecond),
        },
      );
    }
    own.tokens--;
    this.#all.tokens--;
  }

  #bucketOf(probe: string, nowMs: number): Bucket {
    const known = this.#byProbe.get(probe);
    if (known !== undefined) return known;
    const tokens = this.#limits.reportsPerSecondPerProbe * BURST_SECONDS;
    const full = { tokens, filledAtMs: nowMs };
    this.#byProbe.set(probe, full);
    return full;
  }
}

function fill(bucket: Bucket, perSecond: number, nowMs: number): void {
  const gained = (Math.max(0, nowMs - bucket.filledAtMs) / 1_000) * perSecond;
  bucket.tokens = Math.min(perSecond * BURST_SECONDS, bucket.tokens + gained);
  bucket.filledAtMs = nowMs;
}

function secondsUntilOne({ tokens }: Bucket, perSecond: number): number {
  return Math.max(1, Math.ceil((1 - tokens) / perSecond));
}
