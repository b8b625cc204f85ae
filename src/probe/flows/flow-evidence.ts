/**
 * A flow's facts besides its key and its numbers: evidence of its direction and processes, which ends are on this host,
 * MPTCP subflows. Stronger evidence replaces weaker.
 */
import { Flag, HALF, OFFSET, PidEvidence, RECORD, WORD } from '../records/layout.js';
import type { RecordView } from '../records/record-view.js';
import { NO_END } from './end-table.js';
import type { FlowBook } from './flow-book.js';
import { NO_PROCESS, type ProcessBook } from './process-book.js';
import type { ServerBook } from './server-book.js';

export class FlowEvidence {
  constructor(
    private readonly book: FlowBook,
    private readonly processes: ProcessBook,
    private readonly servers: ServerBook,
  ) {}

  /**
   * Adds the evidence in the records of a connection's two ends.
   * @param evidence of the direction: a `DirectionEvidence`
   */
  note(flow: number, view: RecordView, client: number, server: number, evidence: number): void {
    const { book } = this;
    let changed = false;
    const direction = book.direction[flow]!;
    if (direction === 0 || evidence < direction) {
      book.direction[flow] = evidence;
      changed = direction !== evidence;
    }
    if (client !== NO_END) {
      const known = view.bytes[client * RECORD.bytes + OFFSET.pidEvidence]!;
      if (known > book.clientEvidence[flow]!) {
        book.clientEvidence[flow] = known;
        changed = true;
      }
      if ((book.here[flow]! & 1) === 0) {
        book.here[flow]! |= 1;
        book.clientNetns[flow] = view.words[client * RECORD.words + WORD.netns]!;
        changed = true;
      }
      if ((view.bytes[client * RECORD.bytes + OFFSET.flags]! & Flag.Mptcp) !== 0)
        changed = this.#noteSubflows(flow, view, client) || changed;
    }
    if (server !== NO_END) {
      const known = view.bytes[server * RECORD.bytes + OFFSET.pidEvidence]!;
      if (known > book.serverEvidence[flow]!) {
        book.serverEvidence[flow] = known;
        changed = true;
        if (known > PidEvidence.Listener) this.#noteServer(view, server);
      }
      if ((book.here[flow]! & 2) === 0) {
        book.here[flow]! |= 2;
        book.serverNetns[flow] = view.words[server * RECORD.words + WORD.netns]!;
        changed = true;
      }
      if ((view.bytes[server * RECORD.bytes + OFFSET.flags]! & Flag.Mptcp) !== 0)
        changed = this.#noteSubflows(flow, view, server) || changed;
    }
    if (changed) book.markDefinition(flow);
  }

  #noteServer(view: RecordView, server: number): void {
    const at = server * RECORD.words;
    const port = view.halves[server * RECORD.halves + HALF.localPort]!;
    const number = this.processes.numberOf(view, server);
    if (number !== NO_PROCESS)
      this.servers.note(view.words[at + WORD.netns]!, view.words, at + WORD.localAddress, port, number);
  }

  #noteSubflows(flow: number, { bytes }: RecordView, record: number): boolean {
    const subflows = 1 + bytes[record * RECORD.bytes + OFFSET.subflows]!;
    if (subflows <= this.book.subflows[flow]!) return false;
    this.book.subflows[flow] = subflows;
    return true;
  }
}
