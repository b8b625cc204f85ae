/**
 * Processes that had connections in a batch but are no longer there to be asked: their name was noted with the
 * connection, so that an edge does not point at a bare number.
 */
import { hostNodeId, processNodeId } from '../../report/node-ids.js';
import type { Latest, Node, Timestamp, Topology } from '../../report/model.js';
import { Direction, OFFSET, RECORD_BYTES } from './record.js';
import { RecordView, WORD, WORDS, type RecordBatch } from './record-view.js';

const COMM_BYTES = RECORD_BYTES - OFFSET.comm;
/** Nodes made per report; a machine that forks more per tick gets edges to bare PIDs for the rest. */
const MAX_PROCESSES = 10_000;

/** @param known the processes other reporters have told of, which need nothing from here */
export function exitedProcesses(
  batch: RecordBatch,
  known: Topology | undefined,
  hostName: string,
  now: Timestamp,
): Topology {
  const { bytes, words, count } = new RecordView(batch);
  const nodes = new Map<string, Node>();
  const seen = new Set<number>();
  const host: Latest = { timestamp: now, value: hostNodeId(hostName) };
  let previous = 0;
  for (let i = 0; i < count && nodes.size < MAX_PROCESSES; i++) {
    const pid = words[i * WORDS + WORD.pid]!;
    if (pid === previous || pid === 0 || seen.has(pid)) continue;
    const at = i * RECORD_BYTES;
    if (bytes[at + OFFSET.direction] === Direction.Listener || bytes[at + OFFSET.comm] === 0) continue;
    previous = pid;
    seen.add(pid);
    const id = processNodeId(hostName, pid);
    if (known?.nodes.has(id)) continue;
    const name = commText(bytes.subarray(at + OFFSET.comm, at + OFFSET.comm + COMM_BYTES));
    nodes.set(id, {
      id,
      topology: 'process',
      latest: new Map([
        ['pid', { timestamp: now, value: String(pid) }],
        ['name', { timestamp: now, value: name }],
        ['host_node_id', host],
      ]),
    });
  }
  return { nodes };
}

function commText(comm: Uint8Array): string {
  const end = comm.indexOf(0);
  return Buffer.from(comm.subarray(0, end < 0 ? COMM_BYTES : end)).toString('utf8');
}
