/**
 * How complete the picture is, as facts of the host in the report: which source was in use, what the kernel counted and
 * the source did not see. Extra `latest` keys of the host's node, which Scope ignores:
 *
 *   `connection_source`                        ebpf | procfs
 *   `connections_opened` `connections_missed`  ends of connections since the source was started: the kernel's count, and
 *                                              those of them that were not seen
 *   `captured_percent`                         the share that was seen
 *   `missed_by_netns`                          where, as `inode=missed/opened`, most first
 *   `sockets_unknown`                          established sockets that nobody held when the source was started
 *   `records_lost`                             records that the source knows it lost since the last report
 */
import { hostNodeId } from '../report/index.js';
import type { MetadataTemplate, Timestamp, Topology } from '../report/model.js';
import type { Batch } from './connections/feed.js';

const TEMPLATES: readonly MetadataTemplate[] = [
  {
    id: 'captured_percent',
    label: 'Connections captured (%)',
    from: 'latest',
    dataType: 'number',
    priority: 15,
  },
  { id: 'connection_source', label: 'Connections read by', from: 'latest', priority: 16 },
];

/** 100 only when nothing was missed: rounding must not hide a loss. */
export function capturedPercent({ opened, missed }: { opened: number; missed: number }): string {
  if (missed === 0 || opened === 0) return '100';
  return String(Math.floor(Math.max(0, 1 - missed / opened) * 100_000) / 1000);
}

export function completenessFacts(
  { sourceKind, lost, completeness }: Pick<Batch, 'sourceKind' | 'lost' | 'completeness'>,
  hostName: string,
  now: Timestamp,
): Topology {
  const facts = new Map<string, string>([
    ['connection_source', sourceKind],
    ['records_lost', String(lost)],
  ]);
  if (completeness !== undefined) {
    const { opened, missed, unknownEstablished, namespaces } = completeness;
    facts.set('connections_opened', String(opened));
    facts.set('connections_missed', String(missed));
    facts.set('captured_percent', capturedPercent(completeness));
    facts.set('sockets_unknown', String(unknownEstablished));
    const where = namespaces.map((each) => `${each.netns}=${each.missed}/${each.opened}`).join(' ');
    if (where !== '') facts.set('missed_by_netns', where);
  }
  const id = hostNodeId(hostName);
  const latest = new Map([...facts].map(([key, value]) => [key, { timestamp: now, value }]));
  return {
    metadataTemplates: new Map(TEMPLATES.map((template) => [template.id, template])),
    nodes: new Map([[id, { id, topology: 'host', latest }]]),
  };
}
