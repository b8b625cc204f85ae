/** Flows established since the last take, flat and bounded: connections that /proc may have missed. */
import type { ConntrackFlow } from '../../conntrack-parser/index.js';
import { FLOW_BYTES, NO_FLOWS, type FlowBatch } from '../records/nat-flow.js';
import { writeFlow } from './flow-table.js';

const FIRST_FLOWS = 256;

export class NewFlows {
  /** Flows over the limit. */
  dropped = 0;
  #bytes = Buffer.alloc(0);
  #count = 0;

  constructor(private readonly maxFlows: number) {}

  add(flow: ConntrackFlow, netns: number): void {
    if (this.#count >= this.maxFlows) {
      this.dropped++;
      return;
    }
    const at = this.#count++ * FLOW_BYTES;
    if (at + FLOW_BYTES > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(FIRST_FLOWS * FLOW_BYTES, this.#bytes.length * 2));
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    writeFlow(this.#bytes, at, flow, netns);
  }

  take(): FlowBatch {
    if (this.#count === 0) return NO_FLOWS;
    const batch = {
      flows: new Uint8Array(this.#bytes.subarray(0, this.#count * FLOW_BYTES)).buffer,
      flowCount: this.#count,
    };
    this.#count = 0;
    this.#bytes = Buffer.alloc(0);
    return batch;
  }
}
