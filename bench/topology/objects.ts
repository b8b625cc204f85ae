/** The obvious way to group, as the rival in the benchmark: an object per record, text keys, Maps. No thinning even. */
import { Direction, Flag, OFFSET, RECORD } from '../../src/probe/records/layout.js';

interface Pair {
  fromPid: number;
  toPid: number;
}

export function groupByObjects({
  records,
  recordCount,
}: {
  records: ArrayBuffer;
  recordCount: number;
}): Map<string, Map<number, Pair>> {
  const groups = new Map<string, Map<number, Pair>>();
  for (let i = 0; i < recordCount; i++) {
    const view = new DataView(records, i * RECORD.bytes, RECORD.bytes);
    if ((view.getUint8(OFFSET.flags) & Flag.Established) === 0) continue;
    const accepted = view.getUint8(OFFSET.direction) === Direction.Accepted;
    const local = { address: text(view, OFFSET.localAddress), port: view.getUint16(OFFSET.localPort, true) };
    const remote = {
      address: text(view, OFFSET.remoteAddress),
      port: view.getUint16(OFFSET.remotePort, true),
    };
    const [from, to] = accepted ? [remote, local] : [local, remote];
    const key = `${view.getUint32(OFFSET.netns, true)};${from.address};${to.address};${to.port}`;
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = new Map<number, Pair>()));
    let pair = group.get(from.port);
    if (pair === undefined) group.set(from.port, (pair = { fromPid: 0, toPid: 0 }));
    const pid = view.getUint32(OFFSET.pid, true);
    if (accepted) pair.toPid = pid;
    else pair.fromPid = pid;
  }
  return groups;
}

/** IPv4 only: all that the benchmark's records have. */
function text(view: DataView, offset: number): string {
  return `${view.getUint8(offset + 12)}.${view.getUint8(offset + 13)}.${view.getUint8(offset + 14)}.${view.getUint8(offset + 15)}`;
}
