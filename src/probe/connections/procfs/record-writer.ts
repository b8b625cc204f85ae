/** Writes socket lines as flat records into a buffer that grows up to a bound. */
import {
  Direction,
  DirectionEvidence,
  Flag,
  OFFSET,
  PidEvidence,
  RECORD_BYTES,
  TcpState,
} from '../../topology/record.js';
import type { SocketLine } from './socket-table.js';

const FIRST_RECORDS = 1024;

/** A process that holds a socket. */
export interface Holder {
  readonly pid: number;
  /** CLOCK_BOOTTIME ns at which it was started, to the clock tick; 0 unknown. */
  readonly startNanos: bigint;
  /** At most 15 bytes. */
  readonly comm: Uint8Array;
}

export class RecordWriter {
  count = 0;
  /** Records left out because of the bound. */
  dropped = 0;
  #view = new DataView(new ArrayBuffer(FIRST_RECORDS * RECORD_BYTES));

  constructor(private readonly maxRecords: number) {}

  /** @param netns inode of the namespace the line was read in */
  write(line: SocketLine, netns: number, holder: Holder | undefined): void {
    if (this.count >= this.maxRecords) {
      this.dropped++;
      return;
    }
    const at = this.count++ * RECORD_BYTES;
    if (at + RECORD_BYTES > this.#view.byteLength) this.#grow();
    const view = this.#view;
    const isListener = line.state === TcpState.Listen;
    // Inodes are unique within this boot and far below 2^53; the namespace tells apart what a reader may mix.
    view.setUint32(at + OFFSET.socketId, line.inode, true);
    view.setUint32(
      at + OFFSET.socketId + 4,
      Math.imul(netns, 0x9e3779b1) ^ Math.floor(line.inode / 2 ** 32),
      true,
    );
    for (let i = 0; i < 4; i++) {
      view.setUint32(at + OFFSET.localAddress + i * 4, line.local[i]!, true);
      view.setUint32(at + OFFSET.remoteAddress + i * 4, line.remote[i]!, true);
    }
    view.setUint32(at + OFFSET.netns, netns, true);
    view.setUint16(at + OFFSET.localPort, line.localPort, true);
    view.setUint16(at + OFFSET.remotePort, line.remotePort, true);
    view.setUint8(at + OFFSET.direction, isListener ? Direction.Listener : Direction.Unknown);
    view.setUint8(
      at + OFFSET.directionEvidence,
      isListener ? DirectionEvidence.ListenerTable : DirectionEvidence.None,
    );
    view.setUint8(at + OFFSET.state, line.state);
    view.setUint8(at + OFFSET.flags, isListener ? 0 : Flag.Established);
    if (holder !== undefined) this.#writeHolder(at, holder);
  }

  /** All records, in memory of their own. */
  take(): ArrayBuffer {
    return this.#view.buffer.slice(0, this.count * RECORD_BYTES);
  }

  #writeHolder(at: number, { pid, startNanos, comm }: Holder): void {
    this.#view.setUint32(at + OFFSET.pid, pid, true);
    this.#view.setUint8(at + OFFSET.pidEvidence, PidEvidence.TableScan);
    this.#view.setBigUint64(at + OFFSET.pidStartNanos, startNanos, true);
    new Uint8Array(this.#view.buffer).set(comm, at + OFFSET.comm);
  }

  #grow(): void {
    const larger = new Uint8Array(this.#view.byteLength * 2);
    larger.set(new Uint8Array(this.#view.buffer));
    this.#view = new DataView(larger.buffer);
  }
}
