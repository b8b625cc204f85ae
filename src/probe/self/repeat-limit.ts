/**
 * Keeps one message from flooding a log. The same message passes a few times per period; the rest are counted, and the
 * next one that passes has their number. Pure but for the clock.
 */
import { LruMap } from '../../machine/lru-map.js';

export interface RepeatLimits {
  /** How often the same message is let through per period. */
  readonly burst: number;
  readonly periodMs: number;
  /** Bound on messages remembered; the one heard of least recently makes room. */
  readonly maxMessages: number;
}

export const DEFAULT_REPEAT_LIMITS: RepeatLimits = { burst: 5, periodMs: 60_000, maxMessages: 500 };

interface Remembered {
  periodStart: number;
  letThrough: number;
  suppressed: number;
}

export class RepeatLimit {
  readonly #messages: LruMap<string, Remembered>;
  /** Messages held back, over all. */
  suppressed = 0;

  constructor(
    private readonly limits: RepeatLimits = DEFAULT_REPEAT_LIMITS,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#messages = new LruMap(limits.maxMessages);
  }

  /** @returns undefined: hold it back; otherwise how many like it were held back since the last one let through */
  admit(message: string): number | undefined {
    const { burst, periodMs } = this.limits;
    const now = this.now();
    const known = this.#remembered(message, now);
    if (now - known.periodStart >= periodMs) {
      known.periodStart = now;
      known.letThrough = 0;
    }
    if (known.letThrough >= burst) {
      known.suppressed++;
      this.suppressed++;
      return undefined;
    }
    known.letThrough++;
    const { suppressed } = known;
    known.suppressed = 0;
    return suppressed;
  }

  #remembered(message: string, now: number): Remembered {
    const known = this.#messages.get(message);
    if (known !== undefined) return known;
    const begun = { periodStart: now, letThrough: 0, suppressed: 0 };
    this.#messages.set(message, begun);
    return begun;
  }
}
