/**
 * Who reports: each probe's machine, rhythm, clock and whether it has fallen silent.
 */
import type { Report } from '../../report/model.js';
import { latestOf } from '../views/endpoint.js';
import { SkewMeter } from './clock-skew.js';

export interface ProbeIdentity {
  readonly id: string;
  readonly version: string;
}

export interface ProbeRecord extends ProbeIdentity {
  readonly hostname: string;
  /** Milliseconds since 1970, by this app's clock. */
  readonly lastSeenMs: number;
  /** Set while the probe is silent for longer than its rhythm explains; its nodes leave at the window's end. */
  readonly staleSinceMs: number | undefined;
  /** This app's clock minus the probe's, at the fastest arrival; undefined when reports carry no time. */
  readonly skewMs: number | undefined;
  /** What its times are moved by; 0 when its clock is right enough. */
  readonly correctedMs: number;
  /** Names of other machines that report under the same id now. */
  readonly othersWithId: readonly string[];
  /** Usual time between reports; undefined after a single one. */
  readonly intervalMs: number | undefined;
  readonly reports: number;
  /** Share of the connections that the newest report looked at; undefined when it does not tell. */
  readonly sampled: number | undefined;
  /** What it can't see from where it runs, and what to do. */
  readonly notSeen: readonly string[];
}

interface Record {
  identity: ProbeIdentity;
  hostname: string;
  lastSeenMs: number;
  intervalMs: number | undefined;
  readonly skew: SkewMeter;
  readonly hostnames: Map<string, number>;
  reports: number;
  sampled: number | undefined;
  notSeen: readonly string[];
  stale: boolean;
}

/** Machines remembered under one id. */
const HOSTNAMES_MAX = 8;
/** Missing this many reports in a row is silence. */
const MISSED_REPORTS = 2;
/** Weight of the newest gap in the usual one. */
const RHYTHM_WEIGHT = 0.3;

export class ProbeBook {
  readonly #windowMs: number;
  readonly #maxProbes: number;
  readonly #records = new Map<string, Record>();

  constructor({ windowMs, maxProbes }: { windowMs: number; maxProbes: number }) {
    this.#windowMs = windowMs;
    this.#maxProbes = maxProbes;
  }

  get size(): number {
    return this.#records.size;
  }

  hasRoomFor(id: string): boolean {
    return this.#records.has(id) || this.#records.size < this.#maxProbes;
  }

  /** Notes a report of a probe that arrived at `atMs`. */
  seen(identity: ProbeIdentity, report: Report, atMs: number): void {
    const known = this.#records.get(identity.id);
    const hostname = hostnameOf(report);
    if (known === undefined) {
      const skew = new SkewMeter();
      skew.note(report, atMs);
      this.#records.set(identity.id, {
        identity,
        hostname,
        lastSeenMs: atMs,
        intervalMs: undefined,
        skew,
        hostnames: new Map([[hostname, atMs]]),
        reports: 1,
        sampled: sampledOf(report),
        notSeen: notSeenOf(report),
        stale: false,
      });
      return;
    }
    const gap = atMs - known.lastSeenMs;
    known.intervalMs =
      known.intervalMs === undefined ? gap : known.intervalMs + RHYTHM_WEIGHT * (gap - known.intervalMs);
    known.skew.note(report, atMs);
    known.identity = identity;
    if (hostname !== '') {
      known.hostname = hostname;
      if (known.hostnames.has(hostname) || known.hostnames.size < HOSTNAMES_MAX)
        known.hostnames.set(hostname, atMs);
    }
    known.lastSeenMs = atMs;
    known.reports++;
    known.sampled = sampledOf(report);
    known.notSeen = notSeenOf(report);
    known.stale = false;
  }

  /** Milliseconds by which a probe's times are to be moved. */
  correctionMs(id: string): number {
    return this.#records.get(id)?.skew.correctionMs ?? 0;
  }

  /** Forgets probes not seen since `oldestMs`; answers their ids. */
  forgetBefore(oldestMs: number): string[] {
    const gone: string[] = [];
    for (const [id, { lastSeenMs }] of this.#records) if (lastSeenMs < oldestMs) gone.push(id);
    for (const id of gone) this.#records.delete(id);
    return gone;
  }

  /** Notes who has fallen silent; true when that is someone new. */
  stalenessChanged(nowMs: number): boolean {
    let changed = false;
    for (const record of this.#records.values()) {
      if (record.stale || nowMs - record.lastSeenMs <= this.#patienceMs(record)) continue;
      record.stale = true;
      changed = true;
    }
    return changed;
  }

  /** Machines whose probes are silent → when they were last heard. A machine with another probe that speaks is not. */
  silentHosts(): Map<string, number> {
    const silent = new Map<string, number>();
    for (const { stale, hostname, lastSeenMs } of this.#records.values())
      if (stale) silent.set(hostname, Math.max(lastSeenMs, silent.get(hostname) ?? 0));
    for (const { stale, hostname } of this.#records.values()) if (!stale) silent.delete(hostname);
    return silent;
  }

  list(nowMs: number): ProbeRecord[] {
    this.stalenessChanged(nowMs);
    return Array.from(this.#records.values(), ({ identity, stale, skew, hostnames, ...record }) => ({
      ...identity,
      ...record,
      skewMs: skew.skewMs,
      correctedMs: skew.correctionMs,
      othersWithId: othersAmong(hostnames, record.hostname, nowMs - this.#windowMs),
      staleSinceMs: stale ? record.lastSeenMs : undefined,
    }));
  }

  #patienceMs({ intervalMs }: Record): number {
    const usual = intervalMs ?? this.#windowMs / (2 * MISSED_REPORTS);
    return Math.min(this.#windowMs, Math.max(1_000, usual * MISSED_REPORTS));
  }
}

/** Machines other than `own` heard since `sinceMs`: two probes with one id are two machines under it. */
function othersAmong(heard: ReadonlyMap<string, number>, own: string, sinceMs: number): string[] {
  return Array.from(heard)
    .filter(([name, atMs]) => name !== '' && name !== own && atMs >= sinceMs)
    .map(([name]) => name)
    .sort();
}

function sampledOf({ sampling }: Report): number | undefined {
  return sampling === undefined || sampling.total <= 0
    ? undefined
    : Math.min(1, sampling.count / sampling.total);
}

/** Facts of the host whose names begin so are each something that its probe can't see. */
const NOT_SEEN = 'not_seen_';
/** Bounds on what is kept of them: anybody may send a report. */
const NOT_SEEN_MOST = 16;
const NOT_SEEN_MOST_CHARACTERS = 500;

function notSeenOf(report: Report): string[] {
  const found = new Set<string>();
  for (const { latest } of report.topologies.get('Host')?.nodes.values() ?? [])
    for (const [key, { value }] of latest ?? [])
      if (found.size < NOT_SEEN_MOST && key.startsWith(NOT_SEEN))
        found.add(value.slice(0, NOT_SEEN_MOST_CHARACTERS));
  return [...found].sort();
}

function hostnameOf(report: Report): string {
  for (const node of report.topologies.get('Host')?.nodes.values() ?? []) {
    const name = latestOf(node, 'host_name');
    if (name !== undefined) return name;
  }
  return '';
}
