/**
 * What probes measured of connections, as further columns of a node's connection tables.
 */
import { meansOf } from '../../flows/window.js';
import { FACT } from '../../report/keys.js';
import type { FlowSums } from '../flows/flow-sums.js';

export interface Column {
  readonly id: string;
  readonly label: string;
  readonly defaultSort?: true;
  readonly dataType?: string;
}

interface Measurement {
  /** The key of the fact. */
  readonly id: string;
  readonly label: string;
  /** Undefined or 0: nothing to show. */
  readonly of: (sums: FlowSums) => number | undefined;
}

const MEASUREMENTS: readonly Measurement[] = [
  { id: FACT.bytesSent, label: 'Bytes sent', of: ({ bytesSent }) => bytesSent },
  { id: FACT.bytesReceived, label: 'Bytes received', of: ({ bytesReceived }) => bytesReceived },
  { id: FACT.rttMicros, label: 'RTT µs', of: (sums) => meansOf(sums).rttMicros },
  { id: FACT.connectMicros, label: 'Connect µs', of: (sums) => meansOf(sums).connectMicros },
  { id: FACT.retransmits, label: 'Retransmits', of: ({ retransmits }) => retransmits },
  { id: FACT.failedCount, label: 'Failed', of: ({ failed }) => failed },
];

/** Columns for what was measured on any connection of a table, given the sum over it. */
export function measuredColumns(all: FlowSums): Column[] {
  return MEASUREMENTS.filter(({ of }) => (of(all) ?? 0) > 0).map(({ id, label }) => ({
    id,
    label,
    dataType: 'number',
  }));
}

/** The cells of one row. */
export function measurements(sums: FlowSums): { id: string; value: string; dataType: string }[] {
  return MEASUREMENTS.flatMap(({ id, of }) => {
    const value = of(sums) ?? 0;
    return value > 0 ? [{ id, value: String(value), dataType: 'number' }] : [];
  });
}
