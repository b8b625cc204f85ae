/**
 * Settings for a program that lives for months beside what it watches: little memory counts for more than the last bit
 * of speed. Those of V8 are given by the launcher, bin/topoprobe.
 */

/** Each page of the program has its turn every 16 of these. */
const RELEASE_EVERY_MS = 5000;
/** After each page has had two, most of what is left is in use, and a turn comes so many times later. */
const TURNS_AT_THE_START = 32;
const SELDOM = 6;

/** To be called before anything large is loaded. Settles when that may begin. Never rejects. */
export async function keepMemorySmall(): Promise<void> {
  // Only the addon can bound what malloc keeps. Where it was not built, the probe says so when it opens its source.
  await import('ebpf-bridge').then(({ keepMallocSmall }) => keepMallocSmall()).catch(() => undefined);
}

/**
 * From now on until the function it returns is called: pages of Node's code and constants that were not touched for a
 * while do not stay in resident memory, as most of them served the start only. A turn takes 2 ms of a pool thread.
 */
export function releaseUnusedProgramPages(everyMs = RELEASE_EVERY_MS): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const wait = (turn: number): void => {
    if (isStopped) return;
    const ms = turn < TURNS_AT_THE_START ? everyMs : everyMs * SELDOM;
    timer = setTimeout(() => {
      import('ebpf-bridge')
        .then(({ releaseProgramPages }) => releaseProgramPages(turn))
        .then(
          () => {
            wait(turn + 1);
          },
          // Without the addon they stay.
          () => undefined,
        );
    }, ms).unref();
  };
  wait(0);
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
