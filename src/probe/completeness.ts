/**
 * How complete the picture is, as facts of the host: the source in use, what the kernel counted and the source missed, and
 * what is only counted because it is beyond the bounds. Extra `latest` keys of the host's node, which Scope ignores. Where
 * nothing is beyond the bounds, the first of the `other_…` stands alone:
 *
 *   `connection_source`                        ebpf | procfs
 *   `ebpf_rung`                                files | sockets | events: see connections/ebpf/rungs.ts
 *   `ebpf_refused`                             programs that the kernel refused, what can't be seen without, and why
 *   `not_seen`                                 what is left out for another reason, such as network namespaces for want of
 *                                              descriptors, and what to do
 *   `not_seen_…`                               what can't be seen from where the probe runs, and what to do;
 *                                              /api/v1/probes has each, too
 *   `foreign_sockets`                          sockets of other nodes on the same kernel, which are only counted; absent
 *                                              where there are none
 *   `connections_opened` `connections_missed`  ends of connections since the source was started: the kernel's count, and
 *                                              those of them that were not seen
 *   `captured_percent`                         the share that was seen
 *   `missed_by_netns`                          where, as `inode=missed/opened`, most first
 *   `sockets_unknown`                          established sockets that nobody held when the source was started
 *   `records_lost`                             records that the source knows it lost since the last report
 *   `other_connections`                        ends of connections that are on no edge because they are beyond the bounds
 *                                              (--max-connections…): living now, or ended since the last report
 *   `other_failed_connects`                    those of them that were connects without an answer
 *   `other_bytes_sent` `other_bytes_received` `other_retransmits`   of those that ended since the last report
 *   `other_by_netns`                           where, as `inode=connections`, most first
 */
import { hostNodeId } from '../report/index.js';
import type { MetadataTemplate, Timestamp, Topology } from '../report/model/model.js';
import { limitText, refusalsText, type Coverage } from './records/coverage.js';
import type { Snapshot, SourceKind } from './records/source.js';
import { overflowEnds } from './records/overflow-counts.js';

/** Namespaces reported by inode. */
const NAMED_MOST = 10;

const TEMPLATES: readonly MetadataTemplate[] = [
  {
    id: 'captured_percent',
    label: 'Connections captured (%)',
    from: 'latest',
    dataType: 'number',
    priority: 15,
  },
  {
    id: 'other_connections',
    label: 'Connections counted without detail',
    from: 'latest',
    dataType: 'number',
    priority: 17,
  },
  { id: 'connection_source', label: 'Connections read by', from: 'latest', priority: 16 },
  { id: 'ebpf_refused', label: 'Not seen', from: 'latest', priority: 18 },
  { id: 'not_seen', label: 'Left out', from: 'latest', priority: 19 },
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
    ['connection_source', sourceKind],
    ['records_lost', String(lost)],
  ]);
  if (coverage !== undefined) {
    facts.set('ebpf_rung', coverage.rung);
    if (coverage.blind.length > 0) facts.set('ebpf_refused', refusalsText(coverage));
    for (const limit of coverage.limits) facts.set(`not_seen_${limit.what}`, limitText(limit));
  }
  if (shortfalls.length > 0) facts.set('not_seen', shortfalls.join('; '));
  if (foreign !== undefined && foreign > 0) facts.set('foreign_sockets', String(foreign));
  if (completeness !== undefined) {
    const { opened, missed, unknownEstablished, namespaces } = completeness;
    facts.set('connections_opened', String(opened));
    facts.set('connections_missed', String(missed));
    facts.set('captured_percent', capturedPercent(completeness));
    facts.set('sockets_unknown', String(unknownEstablished));
    const where = namespaces.map((each) => `${each.netns}=${each.missed}/${each.opened}`).join(' ');
    if (where !== '') facts.set('missed_by_netns', where);
  }
  if (overflow !== undefined) {
    const ends = overflowEnds(overflow);
    facts.set('other_connections', String(ends));
    if (ends > 0) {
      facts.set('other_failed_connects', String(overflow.failed));
      facts.set('other_bytes_sent', String(overflow.bytesSent));
      facts.set('other_bytes_received', String(overflow.bytesReceived));
      facts.set('other_retransmits', String(overflow.retransmits));
      const most = overflow.namespaces.slice(0, NAMED_MOST);
      facts.set('other_by_netns', most.map((each) => `${each.netns}=${overflowEnds(each)}`).join(' '));
    }
  }
  const id = hostNodeId(hostName);
  const latest = new Map([...facts].map(([key, value]) => [key, { timestamp: now, value }]));
  return {
    metadataTemplates: new Map(TEMPLATES.map((template) => [template.id, template])),
    nodes: new Map([[id, { id, topology: 'host', latest }]]),
  };
}
