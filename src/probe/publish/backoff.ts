/**
 * How long to wait after a failure: twice as long as after the one before, with jitter so that a fleet of probes
 * does not come back in step.
 */

export interface BackoffLimits {
  readonly firstMs: number;
  readonly maxMs: number;
  /**
   * The most while nobody listens, or only a gateway in the app's place: such a try costs the app nothing, and its
   * return is noticed soon. Below 5 s, within which an app that is back has its first report.
   */
  readonly awayMaxMs: number;
}

export const DEFAULT_BACKOFF: BackoffLimits = { firstMs: 1000, maxMs: 60_000, awayMaxMs: 4000 };

const JITTER = 0.2;
/** Nobody sensible asks for more; milliseconds. */
const RETRY_AFTER_MAX_MS = 3_600_000;

export class Backoff {
  #failures = 0;

  constructor(private readonly limits: BackoffLimits) {}

  reset(): void {
    this.#failures = 0;
  }

  /** Milliseconds until the next try. @param askedForMs what the other side asked for: never less than that */
  next(kind: 'away' | 'failing', askedForMs = 0): number {
    const { firstMs, maxMs, awayMaxMs } = this.limits;
    const most = kind === 'away' ? Math.min(maxMs, awayMaxMs) : maxMs;
    const plain = Math.min(most, firstMs * 2 ** Math.min(this.#failures++, 30));
    const jittered = plain * (1 - JITTER * Math.random());
    return Math.max(jittered, Math.min(askedForMs, RETRY_AFTER_MAX_MS));
  }
}

/** Milliseconds that a Retry-After header (seconds or an HTTP date) asks for; undefined when it says nothing usable. */
export function retryAfterMs(header: unknown, now: number = Date.now()): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
