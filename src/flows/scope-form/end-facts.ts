/** Rare facts of an endpoint from the ends of all its rows: PIDs are joined, of texts the greatest is taken. */
import { FACT } from '../../report/keys.js';

export type Facts = ReadonlyMap<string, string>;

/** The most PIDs under one key. */
const LISTED_MAX = 8;
const PID_LISTS = [
  [FACT.holderPids, FACT.holderPidsMore],
  [FACT.listenerPids, FACT.listenerPidsMore],
] as const;
const TEXTS = [FACT.lastListenerName, FACT.lastListenerListens] as const;

/** @param pid of the endpoint's own process, which is no further holder */
export function joinedFacts(all: Iterable<Facts>, pid: number | undefined): Facts {
  const known = [...all];
  const joined = new Map<string, string>();
  for (const [list, more] of PID_LISTS) {
    const except = list === FACT.holderPids ? pid : undefined;
    const pids = new Set(
      known.flatMap((facts) => numbersOf(facts.get(list))).filter((one) => one !== except),
    );
    const listed = [...pids].sort((a, b) => a - b);
    if (listed.length === 0) continue;
    joined.set(list, listed.slice(0, LISTED_MAX).join(' '));
    const unlisted = Math.max(0, listed.length - LISTED_MAX) + greatest(known, more);
    if (unlisted > 0) joined.set(more, String(unlisted));
  }
  for (const key of TEXTS) {
    const texts = known.flatMap((facts) => facts.get(key) ?? []).sort();
    const text = texts.at(-1);
    if (text !== undefined) joined.set(key, text);
  }
  return joined;
}

/** The most MPTCP subflows of a connection of these ends; 0: no MPTCP. */
export function subflowsOf(all: readonly (Facts | undefined)[]): number {
  return greatest(
    all.filter((facts) => facts !== undefined),
    FACT.mptcpSubflows,
  );
}

function greatest(all: readonly Facts[], key: string): number {
  return all.flatMap((facts) => numbersOf(facts.get(key))).reduce((a, b) => Math.max(a, b), 0);
}

function numbersOf(text: string | undefined): number[] {
  return text === undefined || text === '' ? [] : text.split(' ').map(Number).filter(Number.isSafeInteger);
}
