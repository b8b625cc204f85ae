/**
 * Conntrack's flows of all namespaces, as of now, flat and bounded. Ended flows stay for two more snapshots: the kernel may
 * forget a flow before its sockets are reported.
 */
import { ADDRESS_BYTES, type ConntrackFlow } from '../../conntrack-parser/index.js';
import { FLOW_BYTES, FLOW_OFFSET, type FlowBatch } from '../records/nat-flow.js';

const FIRST_FLOWS = 64;
const ENDS = 4;
/** Snapshots that have a flow after its end. */
const LINGER = 2;

export class FlowTable {
  /** Flows over the limit. */
  dropped = 0;
  #bytes = Buffer.alloc(FIRST_FLOWS * FLOW_BYTES);
  #keys: string[] = [];
  /** By flow, the number of the dump or event that last had it. */
  #epochs: number[] = [];
  readonly #slots = new Map<string, number>();
  /** Ended flows → the snapshot after which they are removed. */
  readonly #ended = new Map<string, number>();
  #snapshots = 0;
  #epoch = 0;
  /** The last snapshot, while nothing has changed. */
  #last: FlowBatch | undefined;
  readonly #written = Buffer.alloc(FLOW_BYTES);

  constructor(private readonly maxFlows: number) {}

  get size(): number {
    return this.#slots.size;
  }

  /** @returns true: the flow is new */
  set(flow: ConntrackFlow, netns: number): boolean {
    const key = keyOf(flow, netns);
    let slot = this.#slots.get(key);
    const isNew = slot === undefined || this.#ended.delete(key);
    if (slot === undefined) {
      if (this.#slots.size >= this.maxFlows) {
        this.dropped++;
        return false;
      }
      slot = this.#slots.size;
      if ((slot + 1) * FLOW_BYTES > this.#bytes.length) this.#grow();
      this.#slots.set(key, slot);
      this.#keys[slot] = key;
    }
    this.#epochs[slot] = this.#epoch;
    writeFlow(this.#written, 0, flow, netns);
    const at = slot * FLOW_BYTES;
    if (this.#written.compare(this.#bytes, at, at + FLOW_BYTES) !== 0) {
      this.#written.copy(this.#bytes, at);
      this.#last = undefined;
    }
    return isNew;
  }

  end(flow: ConntrackFlow, netns: number): void {
    const key = keyOf(flow, netns);
    if (this.#slots.has(key)) this.#ended.set(key, this.#snapshots + LINGER);
  }

  /** From now on, flows of `netns` are those of a dump; pass the result to `endDump`. */
  beginDump(): number {
    return ++this.#epoch;
  }

  /** Ends the flows of `netns` that were not set since `beginDump`. */
  endDump(netns: number, epoch: number): void {
    for (const [key, slot] of this.#slots) {
      const isOlder = this.#epochs[slot]! < epoch;
      if (isOlder && this.#bytes.readUInt32LE(slot * FLOW_BYTES + FLOW_OFFSET.netns) === netns)
        if (!this.#ended.has(key)) this.#ended.set(key, this.#snapshots + LINGER);
    }
  }

  /** Namespaces with flows. */
  namespaces(): Set<number> {
    const found = new Set<number>();
    for (let slot = 0; slot < this.#slots.size; slot++)
      found.add(this.#bytes.readUInt32LE(slot * FLOW_BYTES + FLOW_OFFSET.netns));
    return found;
  }

  /** All flows: the same batch while nothing changes, so don't write to it. Removes flows that ended long enough ago. */
  snapshot(): FlowBatch {
    const flowCount = this.#slots.size;
    const batch = (this.#last ??= {
      flows: new Uint8Array(this.#bytes.subarray(0, flowCount * FLOW_BYTES)).buffer,
      flowCount,
    });
    this.#snapshots++;
    for (const [key, last] of this.#ended) {
      if (last > this.#snapshots) continue;
      this.#ended.delete(key);
      this.#remove(key);
    }
    return batch;
  }

  #remove(key: string): void {
    const slot = this.#slots.get(key)!;
    this.#last = undefined;
    const last = this.#slots.size - 1;
    this.#slots.delete(key);
    if (slot !== last) {
      this.#bytes.copyWithin(slot * FLOW_BYTES, last * FLOW_BYTES, (last + 1) * FLOW_BYTES);
      const moved = this.#keys[last]!;
      this.#keys[slot] = moved;
      this.#epochs[slot] = this.#epochs[last]!;
      this.#slots.set(moved, slot);
    }
    this.#keys.length = this.#epochs.length = last;
  }

  #grow(): void {
    const larger = Buffer.alloc(this.#bytes.length * 2);
    this.#bytes.copy(larger);
    this.#bytes = larger;
  }
}

const keyBytes = Buffer.alloc(2 * ADDRESS_BYTES + 12);

/** The original tuple, its zone and its namespace: unique among the flows that exist at one time. */
function keyOf({ addresses, ports, originalZone }: ConntrackFlow, netns: number): string {
  keyBytes.set(addresses.subarray(0, 2 * ADDRESS_BYTES));
  keyBytes.writeUInt16LE(ports[0]!, 32);
  keyBytes.writeUInt16LE(ports[1]!, 34);
  keyBytes.writeUInt32LE(netns, 36);
  keyBytes.writeUInt32LE(originalZone, 40);
  return keyBytes.toString('latin1');
}

/** Writes a flow in its flat form. */
export function writeFlow(to: Buffer, at: number, { addresses, ports }: ConntrackFlow, netns: number): void {
  to.set(addresses, at);
  for (let end = 0; end < ENDS; end++)
    to.writeUInt16LE(ports[end]!, at + FLOW_OFFSET.originalSourcePort + end * 2);
  to.writeUInt32LE(netns, at + FLOW_OFFSET.netns);
  to.writeUInt32LE(0, at + FLOW_OFFSET.netns + 4);
}
