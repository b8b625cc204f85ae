/** A source that reports what a test gives it, as the eBPF one does: nothing where nothing changed, if changes are enough. */
import type { ConnectionSource, Snapshot, SnapshotRequest } from '../../src/probe/records/source.js';
import { encode, type Socket } from './records.js';

export class ScriptedSource implements ConnectionSource {
  readonly kind = 'ebpf';
  sockets: readonly Socket[] = [];
  readonly requests: SnapshotRequest[] = [];
  isBroken = false;
  takenAtNanos = 0;
  #reported: readonly Socket[] | undefined;

  snapshot(request: SnapshotRequest = {}): Promise<Snapshot> {
    this.requests.push(request);
    if (this.isBroken) return Promise.reject(new Error('broken'));
    const isWhole = request.changesOnly !== true || this.#reported !== this.sockets;
    this.#reported = this.sockets;
    const batch = encode(isWhole ? this.sockets : []);
    return Promise.resolve({ ...batch, isWhole, takenAtNanos: this.takenAtNanos, lost: 0 });
  }

  counters(): Readonly<Record<string, number>> {
    return {};
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
