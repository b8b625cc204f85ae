/**
 * The window over one probe's statements: when it was stated what the window begins with, and what has to be kept of the past
 * for that. All flows of a probe have the same `then` and the same `now`.
 *
 * `then` is the newest statement at or before the window's begin. It is zeros when the probe's epoch began within the window,
 * and the first statement when the epoch is older than that: what it counted before the app knew it is no part of the window.
 */

/** A window is divided into this many parts, of each at most two past statements are kept: the bound on what a flow's past takes. */
const PARTS = 16;

export class ProbeWindow {
  readonly #windowMs: number;
  /** Times of past statements that values are kept of, ascending; never empty, at most 2 * PARTS + 2. */
  #checkpoints: number[];
  #lastMs: number;
  #thenMs: number;

  /**
   * All times by the app's clock, milliseconds.
   * @param epochMs when the probe began to count @param atMs time of its first statement
   */
  constructor(epochMs: number, atMs: number, windowMs: number) {
    this.#windowMs = windowMs;
    const isYoung = epochMs > atMs - windowMs;
    this.#thenMs = isYoung ? Math.min(epochMs, atMs - 1) : atMs;
    this.#checkpoints = [this.#thenMs];
    this.#lastMs = atMs;
  }

  /** Time of the statement that the window begins with. */
  get thenMs(): number {
    return this.#thenMs;
  }

  /** Time of the newest statement. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** Time between the two; 0 when they are one, or the epoch began with the only one. */
  get spanMs(): number {
    const spanMs = this.#lastMs - this.#thenMs;
    return spanMs > 1 ? spanMs : 0;
  }

  /** The probe makes another statement. @returns its time: never before the last one's */
  next(atMs: number): number {
    const newest = this.#checkpoints.at(-1)!;
    // The one before a long silence is what a window begins with that begins in the silence.
    const isNeeded = this.#lastMs === this.#thenMs || atMs - newest >= this.#windowMs / PARTS;
    if (isNeeded && this.#lastMs > newest) this.#checkpoints.push(this.#lastMs);
    this.#lastMs = Math.max(this.#lastMs, atMs);
    return this.#lastMs;
  }

  /** Whether what was stated at this time must be kept now that another value takes its place. */
  isNeeded(sinceMs: number): boolean {
    return sinceMs <= this.#checkpoints.at(-1)!;
  }

  /** Counts nothing before the newest statement that is kept of the time until `untilMs`. */
  cut(untilMs: number): void {
    const at = this.#checkpoints.findLastIndex((ms) => ms <= untilMs);
    if (at > 0) this.#checkpoints.splice(0, at);
    this.#thenMs = Math.max(this.#thenMs, this.#checkpoints[0]!);
  }

  /** Moves the window's begin on. @returns whether it begins with another statement now */
  slide(nowMs: number): boolean {
    const beginMs = nowMs - this.#windowMs;
    let thenMs = this.#thenMs;
    if (this.#lastMs <= beginMs) thenMs = this.#lastMs;
    else {
      let at = 0;
      while (at + 1 < this.#checkpoints.length && this.#checkpoints[at + 1]! <= beginMs) at++;
      if (at > 0) this.#checkpoints.splice(0, at);
      thenMs = Math.max(thenMs, this.#checkpoints[0]!);
    }
    if (thenMs === this.#thenMs) return false;
    this.#thenMs = thenMs;
    return true;
  }
}
