/** What is needed for a virtual machine can't be had here: another machine, or this one at another time, may have it. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

/** @throws UnavailableError in place of any error of `attempt` */
export async function orUnavailable<T>(attempt: Promise<T>): Promise<T> {
  try {
    return await attempt;
  } catch (cause) {
    throw new UnavailableError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
