/**
 * Lets one thing be done at a time, in order. Reports go to the engine this way: it takes messages in turn, so that
 * whoever asks for a view waits for the report at hand and not for all that have arrived.
 *
 * Bound: the room that reports take from their first byte on (`ingest/room.ts`).
 */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when all that was handed in before is done, however that ended. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
