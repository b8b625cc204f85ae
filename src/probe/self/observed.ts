/**
 * What the probe's self-observation asks of the parts it watches. It imports none of them: whoever composes the probe
 * hands their counters in.
 */

/** A part of the probe that counts. */
export interface Counting {
  /** Becomes part of the metrics' names: `topoprobe_probe_<name>_<counter>`. */
  readonly name: string;
  /** Read at each scrape. Never throws. */
  counters(): Readonly<Record<string, number>>;
  /** Those of the counters that go up and down; the others are monotonic and get `_total`. */
  readonly gauges?: readonly string[];
}

/** One way to an app. */
export interface AppSeen {
  /** URL and address, without credentials. */
  readonly description: string;
  readonly state: string;
  /** Monotonic. */
  readonly counters: Readonly<Record<string, number>>;
}

export interface Observed {
  /** The source of connections in use, as of now: it changes when the probe falls back. */
  readonly sourceKind: () => string;
  /** What eBPF does without; absent where it is not in use. */
  readonly coverage?: () =>
    | {
        readonly rung: string;
        readonly blind: readonly { readonly program: string; readonly section: string }[];
      }
    | undefined;
  readonly parts: readonly Counting[];
  readonly apps: () => readonly AppSeen[];
}
