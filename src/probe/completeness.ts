/**
 * How complete the picture is, as facts of the host: the source in use, what the kernel counted and the source missed, and
 * what is only counted because it is beyond the bounds. Scope ignores these keys; report/keys.ts has their meanings.
 * What is not seen, and why, is in /api/v1/probes, too.
 */
import { hostNodeId } from '../report/index.js';
import { FACT } from '../report/keys.js';
import type { MetadataTemplate, Timestamp, Topology } from '../report/model/model.js';
import { limitText, refusalsText, type Coverage } from './records/coverage.js';
import type { Snapshot, SourceKind } from './records/source.js';
import { overflowEnds } from './records/overflow-counts.js';

/** Namespaces reported by inode. */
const NAMED_MOST = 10;

const TEMPLATES: readonly MetadataTemplate[] = [
  {
    id: FACT.capturedPercent,
    label: 'Connections captured (%)',
    from: 'latest',
    dataType: 'number',
    priority: 15,
  },
  {
    id: FACT.otherConnections,
    label: 'Connections counted without detail',
    from: 'latest',
    dataType: 'number',
    priority: 17,
  },
  { id: FACT.connectionSource, label: 'Connections read by', from: 'latest', priority: 16 },
  { id: FACT.ebpfRefused, label: 'Not seen', from: 'latest', priority: 18 },
  { id: FACT.notSeen, label: 'Left out', from: 'latest', priority: 19 },
];

/** What is known of how complete a snapshot is. */
export interface Observed extends Pick<
  Snapshot,
  'shortfalls' | 'lost' | 'overflow' | 'foreign' | 'completeness'
> {
  readonly sourceKind: SourceKind;
  /** What the kernel allowed of eBPF; absent where it is not used. */
  readonly coverage?: Coverage | undefined;
}

/** 100 only when nothing was missed: rounding must not hide a loss. */
export function capturedPercent({ opened, missed }: { opened: number; missed: number }): string {
  if (missed === 0 || opened === 0) return '100';
  return String(Math.floor(Math.max(0, 1 - missed / opened) * 100_000) / 1000);
}

export function completenessFacts(
  { sourceKind, coverage, shortfalls = [], lost, overflow, foreign, completeness }: Observed,
  hostName: string,
  now: Timestamp,
): Topology {
  const facts = new Map<string, string>([
    [FACT.connectionSource, sourceKind],
    [FACT.recordsLost, String(lost)],
  ]);
  if (coverage !== undefined) {
    facts.set(FACT.ebpfRung, coverage.rung);
    if (coverage.blind.length > 0) facts.set(FACT.ebpfRefused, refusalsText(coverage));
    for (const limit of coverage.limits) facts.set(FACT.notSeenPrefix + limit.what, limitText(limit));
  }
  if (shortfalls.length > 0) facts.set(FACT.notSeen, shortfalls.join('; '));
  if (foreign !== undefined && foreign > 0) facts.set(FACT.foreignSockets, String(foreign));
  if (completeness !== undefined) {
    const { opened, missed, unknownEstablished, namespaces } = completeness;
    facts.set(FACT.connectionsOpened, String(opened));
    facts.set(FACT.connectionsMissed, String(missed));
    facts.set(FACT.capturedPercent, capturedPercent(completeness));
    facts.set(FACT.socketsUnknown, String(unknownEstablished));
    const where = namespaces.map((each) => `${each.netns}=${each.missed}/${each.opened}`).join(' ');
    if (where !== '') facts.set(FACT.missedByNetns, where);
  }
  if (overflow !== undefined) {
    const ends = overflowEnds(overflow);
    facts.set(FACT.otherConnections, String(ends));
    if (ends > 0) {
      facts.set(FACT.otherFailedConnects, String(overflow.failed));
      facts.set(FACT.otherBytesSent, String(overflow.bytesSent));
      facts.set(FACT.otherBytesReceived, String(overflow.bytesReceived));
      facts.set(FACT.otherRetransmits, String(overflow.retransmits));
      const most = overflow.namespaces.slice(0, NAMED_MOST);
      facts.set(FACT.otherByNetns, most.map((each) => `${each.netns}=${overflowEnds(each)}`).join(' '));
    }
  }
  const id = hostNodeId(hostName);
  const latest = new Map([...facts].map(([key, value]) => [key, { timestamp: now, value }]));
  return {
    metadataTemplates: new Map(TEMPLATES.map((template) => [template.id, template])),
    nodes: new Map([[id, { id, topology: 'host', latest }]]),
  };
}
