/** Untaken connections: no process was seen to take them from their listener's queue. */
import { Direction, OFFSET, PidEvidence, RECORD, WORD } from '../records/layout.js';
import type { RecordView } from '../records/record-view.js';

/**
 * Whether only the listener's process is known of a server's end, or not even that: the maker of an older listener may be
 * unknown. Other connections of the listener show the process then.
 */
export function isUntaken({ bytes, words }: RecordView, record: number): boolean {
  const at = record * RECORD.bytes;
  const evidence = bytes[at + OFFSET.pidEvidence]!;
  if (bytes[at + OFFSET.direction] !== Direction.Accepted) return evidence === PidEvidence.Listener;
  if (evidence === PidEvidence.None) return words[record * RECORD.words + WORD.listenerPid] === 0;
  return evidence === PidEvidence.Listener;
}
