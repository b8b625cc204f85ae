/** A source that tells what a test gives it, as the eBPF one does: into memory that it is lent, and nothing where nothing changed. */
import type { RecordBatch } from '../../src/probe/records/record-view.js';
import type { ConnectionSource, Snapshot, SnapshotRequest } from '../../src/probe/records/source.js';
import { encode, type Socket } from './records.js';

export class ScriptedSource implements ConnectionSource {
  readonly kind = 'ebpf';
  sockets: readonly Socket[] = [];
  readonly requests: SnapshotRequest[] = [];
  isBroken = false;
  takenAtNanos = 0;
  #told: readonly Socket[] | undefined;

  snapshot(request: SnapshotRequest = {}): Promise<Snapshot> {
    this.requests.push(request);
    if (this.isBroken) return Promise.reject(new Error('broken'));
    const unchanged = request.mayBeUnchanged === true && this.#told === this.sockets;
    this.#told = this.sockets;
    const records = unchanged
      ? { records: new ArrayBuffer(0), recordCount: 0 }
      : intoMemory(encode(this.sockets), request.memory);
    return Promise.resolve({ ...records, unchanged, takenAtNanos: this.takenAtNanos, lost: 0 });
  }

  counters(): Readonly<Record<string, number>> {
    return {};
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function intoMemory(batch: RecordBatch, memory?: ArrayBuffer): RecordBatch {
  if (memory === undefined || memory.byteLength < batch.records.byteLength) return batch;
  new Uint8Array(memory).set(new Uint8Array(batch.records));
  return { ...batch, records: memory };
}
