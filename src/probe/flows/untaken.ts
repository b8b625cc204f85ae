/** Connections that nobody took from their listener's queue, as far as was seen. */
import { Direction, OFFSET, PidEvidence, RECORD, WORD } from '../records/layout.js';
import type { RecordView } from '../records/record-view.js';

/**
 * Whether all that is known of a server's end is its listener, or not even whose that is: of a listener that is older than
 * what watches it nobody may know the maker. Whose the connection is, others of the listener show.
 */
export function isUntaken({ bytes, words }: RecordView, record: number): boolean {
  const at = record * RECORD.bytes;
  const evidence = bytes[at + OFFSET.pidEvidence]!;
  if (bytes[at + OFFSET.direction] !== Direction.Accepted) return evidence === PidEvidence.Listener;
  if (evidence === PidEvidence.None) return words[record * RECORD.words + WORD.listenerPid] === 0;
  return evidence === PidEvidence.Listener;
}
