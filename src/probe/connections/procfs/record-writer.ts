/** Writes socket lines as flat records into a buffer that grows up to a bound. */
import { Direction, DirectionEvidence, Flag, OFFSET, PidEvidence, RECORD } from '../../records/layout.js';
import { TcpState } from '../../records/tcp-state.js';
import type { SocketLine } from './socket-table.js';

const FIRST_RECORDS = 1024;

/** An fd holder of a socket. */
export interface Holder {
  readonly pid: number;
  /** CLOCK_BOOTTIME ns of its start, to the clock tick; 0: unknown. */
  readonly startNanos: bigint;
  /** At most 15 bytes. */
  readonly comm: Uint8Array;
}

export interface RecordLimits {
  /** Connections with a record. Listeners come on top: they are few, and connections need them for their direction. */
  readonly maxRecords: number;
  /** The same in one network namespace. */
  readonly maxRecordsPerNetns: number;
}

export class RecordWriter {
  count = 0;
  #connections = 0;
  readonly #byNetns = new Map<number, { written: number; overflow: number }>();
  #view = new DataView(new ArrayBuffer(FIRST_RECORDS * RECORD.bytes));

  constructor(private readonly limits: RecordLimits) {}

  /** Connections over the limits, by inode of their namespace: counted, no record each. */
  get overflow(): ReadonlyMap<number, number> {
    return new Map(
      Array.from(this.#byNetns, ([netns, { overflow }]) => [netns, overflow] as const).filter(
        ([, overflow]) => overflow > 0,
      ),
    );
  }

  /** @param netns inode of the namespace the line was read in */
  write(line: SocketLine, netns: number, holder: Holder | undefined): void {
    const isListener = line.state === TcpState.Listen;
    const isDialling = line.state === TcpState.SynSent;
    if (!isListener && !this.#takeRoom(netns)) return;
    const at = this.count++ * RECORD.bytes;
    if (at + RECORD.bytes > this.#view.byteLength) this.#grow();
    const view = this.#view;
    // Inodes are unique within this boot and far below 2^53. The namespace separates ids that a reader may mix.
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
    view.setUint8(
      at + OFFSET.direction,
      isListener ? Direction.Listener : isDialling ? Direction.Connected : Direction.Unknown,
    );
    view.setUint8(
      at + OFFSET.directionEvidence,
      isListener
        ? DirectionEvidence.ListenerTable
        : isDialling
          ? DirectionEvidence.Handshake
          : DirectionEvidence.None,
    );
    view.setUint8(at + OFFSET.state, line.state);
    view.setUint8(at + OFFSET.flags, isListener || isDialling ? 0 : Flag.Established);
    if (holder !== undefined) this.#writeHolder(at, holder);
  }

  /** All records, in memory of their own. */
  take(): ArrayBuffer {
    return this.#view.buffer.slice(0, this.count * RECORD.bytes);
  }

  /** False: there is no room, and the connection is counted in the overflow. */
  #takeRoom(netns: number): boolean {
    let counts = this.#byNetns.get(netns);
    if (counts === undefined) this.#byNetns.set(netns, (counts = { written: 0, overflow: 0 }));
    if (this.#connections >= this.limits.maxRecords || counts.written >= this.limits.maxRecordsPerNetns) {
      counts.overflow++;
      return false;
    }
    this.#connections++;
    counts.written++;
    return true;
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
