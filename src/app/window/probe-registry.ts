/**
 * Who reports: each probe's machine, rhythm, clock and whether it has fallen silent.
 */
import { FACT, latestOf } from '../../report/keys.js';
import type { Report } from '../../report/model/model.js';
import { SkewMeter } from './clock-skew.js';
import { coveredMsOf, hasTemplates, intervalMsOf, patienceMsOf, standsMsOf } from './rhythm.js';

export interface ProbeIdentity {
  readonly id: string;
  readonly version: string;
  /** How often it reports, as it says itself; milliseconds. */
  readonly announcedMs?: number;
}

export interface ProbeRecord extends ProbeIdentity {
  readonly hostname: string;
  /** What the probe calls its host, where that is another name: machines with one name are told apart here. */
  readonly nameThere?: string;
  /** Digest of the machine's id, where the probe tells it. */
  readonly machine: string | undefined;
  /** What the probe does not see, and what to do about it. */
  readonly notSeen: readonly string[];
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
  /** Time between reports; undefined when neither the probe nor its rhythm tells. */
  readonly intervalMs: number | undefined;
  readonly reports: number;
  /** Share of the connections that the newest report looked at; undefined when it does not tell. */
  readonly sampled: number | undefined;
  /** What it goes without at present, as its host tells: part → why and what to do. */
  readonly degraded: ReadonlyMap<string, string>;
}

interface Record {
  identity: ProbeIdentity;
  hostname: string;
  machine: string | undefined;
  notSeen: readonly string[];
  lastSeenMs: number;
  /** Usual gap; undefined after a single report. */
  measuredMs: number | undefined;
  announcedMs: number | undefined;
  coveredMs: number | undefined;
  /** Number of the last report that said everything. */
  wholeReport: number;
  sendsTemplates: boolean;
  readonly skew: SkewMeter;
  readonly hostnames: Map<string, number>;
  reports: number;
  sampled: number | undefined;
  degraded: ReadonlyMap<string, string>;
  stale: boolean;
}

/** Machines remembered under one id. */
const HOSTNAMES_MAX = 8;
/** Weight of the newest gap in the usual one. */
const RHYTHM_WEIGHT = 0.3;

export class ProbeRegistry {
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

  /**
   * Notes a report of a probe that arrived at `atMs`, or the facts of a statement in the form of one.
   * @param number of the report, greater than those before
   * @returns whether what it does not have is over
   */
  seen(identity: ProbeIdentity, report: Report, atMs: number, number: number): boolean {
    const known = this.#records.get(identity.id);
    const hostname = hostnameOf(report);
    if (known === undefined) {
      const skew = new SkewMeter();
      skew.note(report, atMs);
      this.#records.set(identity.id, {
        identity,
        hostname,
        machine: hostFact(report, FACT.machineId),
        notSeen: notSeenOf(report),
        lastSeenMs: atMs,
        measuredMs: undefined,
        announcedMs: identity.announcedMs,
        coveredMs: coveredMsOf(report),
        wholeReport: number,
        sendsTemplates: hasTemplates(report),
        skew,
        hostnames: new Map([[hostname, atMs]]),
        reports: 1,
        sampled: sampledOf(report),
        degraded: degradedOf(report),
        stale: false,
      });
      return true;
    }
    const gap = atMs - known.lastSeenMs;
    known.measuredMs =
      known.measuredMs === undefined ? gap : known.measuredMs + RHYTHM_WEIGHT * (gap - known.measuredMs);
    known.announcedMs = identity.announcedMs;
    known.coveredMs = coveredMsOf(report);
    const tellsTemplates = hasTemplates(report);
    known.sendsTemplates ||= tellsTemplates;
    // A Scope probe leaves templates out of reports that have only what changed.
    const isWhole = tellsTemplates || !known.sendsTemplates;
    if (isWhole) known.wholeReport = number;
    known.skew.note(report, atMs);
    known.identity = identity;
    known.machine = hostFact(report, FACT.machineId) ?? known.machine;
    if (hasHost(report)) {
      known.notSeen = notSeenOf(report);
      known.degraded = degradedOf(report);
    }
    if (hostname !== '') {
      known.hostname = hostname;
      if (known.hostnames.has(hostname) || known.hostnames.size < HOSTNAMES_MAX)
        known.hostnames.set(hostname, atMs);
    }
    known.lastSeenMs = atMs;
    known.reports++;
    known.sampled = sampledOf(report);
    known.stale = false;
    return isWhole;
  }

  /** Time between a probe's words in milliseconds; undefined when nothing says. */
  intervalMs(id: string): number | undefined {
    const record = this.#records.get(id);
    return record === undefined ? undefined : intervalMsOf(record);
  }

  /** Milliseconds by which a probe's times are to be moved. */
  correctionMs(id: string): number {
    return this.#records.get(id)?.skew.correctionMs ?? 0;
  }

  /**
   * Whether a report belongs to a probe's last word, which stands until the probe is overdue: the last report that said
   * everything, and what it said since.
   */
  stands(id: string, number: number, nowMs: number): boolean {
    const record = this.#records.get(id);
    return record !== undefined && number >= record.wholeReport && !this.#isGone(record, nowMs);
  }

  /** Forgets probes whose last word stands no longer; answers their ids. */
  forgetSilent(nowMs: number): string[] {
    const gone: string[] = [];
    for (const [id, record] of this.#records) if (this.#isGone(record, nowMs)) gone.push(id);
    for (const id of gone) this.#records.delete(id);
    return gone;
  }

  /** Notes who has fallen silent; true when that is someone new. */
  stalenessChanged(nowMs: number): boolean {
    let changed = false;
    for (const record of this.#records.values()) {
      if (record.stale || nowMs - record.lastSeenMs <= patienceMsOf(record, this.#windowMs)) continue;
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
    return Array.from(this.#records.values(), (record) => ({
      id: record.identity.id,
      version: record.identity.version,
      hostname: record.hostname,
      lastSeenMs: record.lastSeenMs,
      intervalMs: intervalMsOf(record),
      reports: record.reports,
      sampled: record.sampled,
      machine: record.machine,
      notSeen: record.notSeen,
      degraded: record.degraded,
      skewMs: record.skew.skewMs,
      correctedMs: record.skew.correctionMs,
      othersWithId: othersAmong(record.hostnames, record.hostname, nowMs - this.#windowMs),
      staleSinceMs: record.stale ? record.lastSeenMs : undefined,
    }));
  }

  #isGone(record: Record, nowMs: number): boolean {
    return nowMs - record.lastSeenMs > standsMsOf(record, this.#windowMs);
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

function hasHost({ topologies }: Report): boolean {
  return (topologies.get('Host')?.nodes.size ?? 0) > 0;
}

function hostnameOf(report: Report): string {
  return hostFact(report, FACT.hostName) ?? '';
}

/** Facts of the host that say what its probe does not see, besides those with the prefix. */
const NOT_SEEN_FACTS: ReadonlySet<string> = new Set([FACT.ebpfRefused, FACT.notSeen]);
/** Bounds on what is kept of a host's facts here: anybody may send a report. */
const MOST_FACTS = 16;
const MOST_CHARACTERS = 500;

function notSeenOf(report: Report): readonly string[] {
  const facts = hostFacts(report, (key) => NOT_SEEN_FACTS.has(key) || key.startsWith(FACT.notSeenPrefix));
  return [...new Set(facts.values())].sort();
}

/** Part → what the probe says of it. */
function degradedOf(report: Report): Map<string, string> {
  const facts = hostFacts(report, (key) => key.startsWith(FACT.degradedPrefix));
  return new Map(Array.from(facts, ([key, text]) => [key.slice(FACT.degradedPrefix.length), text]));
}

function hostFacts(report: Report, isWanted: (key: string) => boolean): Map<string, string> {
  const facts = new Map<string, string>();
  for (const { latest } of report.topologies.get('Host')?.nodes.values() ?? [])
    for (const [key, { value }] of latest ?? [])
      if (facts.size < MOST_FACTS && isWanted(key)) facts.set(key, value.slice(0, MOST_CHARACTERS));
  return facts;
}

function hostFact(report: Report, key: string): string | undefined {
  for (const node of report.topologies.get('Host')?.nodes.values() ?? []) {
    const value = latestOf(node, key);
    if (value !== undefined) return value;
  }
  return undefined;
}
