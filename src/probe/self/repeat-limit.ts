/**
 * Keeps a log from being flooded by one message: of the same message a few are let through per period, the rest are
 * counted and told of with the next one that is let through. Pure but for the clock.
 */

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
  readonly #messages = new Map<string, Remembered>();
  /** Messages held back, over all. */
  suppressed = 0;

  constructor(
    private readonly limits: RepeatLimits = DEFAULT_REPEAT_LIMITS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @returns undefined: hold it back; otherwise how many like it were held back since the last one let through */
  admit(message: string): number | undefined {
    const { burst, periodMs, maxMessages } = this.limits;
    const now = this.now();
    const known = this.#messages.get(message) ?? { periodStart: now, letThrough: 0, suppressed: 0 };
    this.#messages.delete(message);
    this.#messages.set(message, known);
    if (this.#messages.size > maxMessages) {
      const [oldest] = this.#messages.keys();
      if (oldest !== undefined) this.#messages.delete(oldest);
    }
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
}
