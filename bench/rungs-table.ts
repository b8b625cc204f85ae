/** The table of bench/rungs.bench.ts: a line for each watcher, ratios to its peers of the same run. */
import type { IdleCost } from './idle-cost.js';
import { median } from './median.js';
import type { SnapshotCost } from './snapshot-cost.js';
import { tableText } from './table.js';
import type { WatchedChurn } from './watched-churn.js';

export interface Subject {
  readonly name: string;
  /** Programs that do nothing: what time in the kernel is held against. */
  readonly isNothing: boolean;
  /** tcplife: what the rest is held against. */
  readonly isPeer: boolean;
  readonly churns: readonly WatchedChurn[];
  /** Percent. */
  readonly captured: number | undefined;
  readonly snapshot: SnapshotCost | undefined;
  readonly idle: IdleCost | undefined;
}

export interface Run {
  readonly rounds: number;
  /** Of a churn. */
  readonly seconds: number;
  /** Connections. */
  readonly idle: number;
  /** Connections. */
  readonly live: number;
  /** Of all processors, that other programs took meanwhile. */
  readonly othersShare: number;
}

const NONE = '-';
/** Slow-downs below it are noise: a ratio to one would mean nothing. */
const LEAST_SLOWDOWN = 0.005;
/** Of all processors: where other programs take more, what they take differs from one churn to the next by too much. */
const MOST_BY_OTHERS = 0.1;

/** Of the rounds: the middle of what noise moves both ways, the least of what it only adds to. */
const slowedBy = ({ churns }: Subject): number => median(churns.map((churn) => churn.slowedBy));
const dearerBy = ({ churns }: Subject): number => median(churns.map((churn) => churn.dearerBy));
const cpu = ({ churns }: Subject): number => median(churns.map((churn) => churn.cpuPer100k));
const kernel = ({ churns }: Subject): number =>
  Math.min(...churns.map(({ kernelNanosPerEnd }) => kernelNanosPerEnd));

const percent = (share: number, digits = 1): string => `${(share * 100).toFixed(digits)} %`;

function ratio(value: number, peer: number | undefined, least = 0): string {
  return peer === undefined || !(peer > least) ? '' : ` (${(value / peer).toFixed(2)}x)`;
}

export function printRungs(subjects: readonly Subject[], run: Run): void {
  const { rounds, seconds, idle, live, othersShare } = run;
  const nothing = subjects.find(({ isNothing }) => isNothing);
  const peer = subjects.find(({ isPeer }) => isPeer);
  const heldAgainst = (of: Subject | undefined, measured: (subject: Subject) => number): number | undefined =>
    of && measured(of);
  const rows = subjects.map((subject) => [
    subject.name,
    subject.isNothing ? NONE : `${cpu(subject).toFixed(2)} s${ratio(cpu(subject), heldAgainst(peer, cpu))}`,
    `${percent(slowedBy(subject))}${ratio(slowedBy(subject), heldAgainst(peer, slowedBy), LEAST_SLOWDOWN)}`,
    `${percent(dearerBy(subject))}${ratio(dearerBy(subject), heldAgainst(peer, dearerBy), LEAST_SLOWDOWN)}`,
    `${kernel(subject).toFixed(0)} ns${ratio(kernel(subject), heldAgainst(nothing, kernel))}`,
    subject.idle ? percent(subject.idle.without, 2) : NONE,
    subject.idle ? percent(subject.idle.with, 2) : NONE,
    subject.snapshot ? subject.snapshot.wholeMs.toFixed(1) : NONE,
    subject.snapshot ? subject.snapshot.deferredMs.toFixed(1) : NONE,
    subject.captured === undefined ? NONE : `${subject.captured.toFixed(3)} %`,
  ]);
  const heading = [
    'watcher',
    'CPU/100k [1]',
    'slow-down [2]',
    'dearer by [3]',
    'kernel/end [4]',
    'idle [5]',
    `${idle} idle`,
    'snapshot ms [6]',
    'deferred',
    'captured [7]',
  ];
  console.log(tableText([heading, ...rows]));
  const eachRound = subjects.map(({ name, churns }) => [
    name,
    ...[
      churns.map(({ slowedBy: share }) => percent(share)),
      churns.map(({ dearerBy: share }) => percent(share)),
      churns.map(({ cpuPer100k }) => `${cpuPer100k.toFixed(2)} s`),
      churns.map(({ kernelNanosPerEnd }) => `${kernelNanosPerEnd.toFixed(0)} ns`),
    ].map((all) => all.join(', ')),
  ]);
  console.log(`
Only ratios of one run mean anything: the same machine on another day gives other figures. (…x): beside tcplife; [4]: beside
programs that do nothing. Rounds in which each in its turn watches a churn of ${seconds} s, between two that nobody watches: ${rounds}.
Other programs took ${percent(othersShare)} of all processors meanwhile${othersShare > MOST_BY_OTHERS ? ': too much, measure again' : ''}.
[1] CPU of the watching process per 100,000 connections, above its own idle level, at 20,000 of them per second; median
[2] connections per second that the churn loses; median
[3] CPU that the churn itself takes per connection, user and system; median
[4] run time of all its programs on tracepoints per end of a connection, by the kernel's account; least
[5] share of a core that the process takes, without connections, then with ${idle} idle ones
[6] median milliseconds of a snapshot with ${live} idle connections: all of them scanned, then with the scan deferred
[7] connections of the highest churn that are in a report
`);
  console.log(tableText([['each round', 'slow-down', 'dearer by', 'CPU/100k', 'kernel/end'], ...eachRound]));
}
