/**
 * What probes measured of connections, as further columns of a node's connection tables.
 */
import { meansOf } from '../../flows/window.js';
import type { FlowSums } from '../flows/flow-sums.js';

export interface Column {
  readonly id: string;
  readonly label: string;
  readonly defaultSort?: true;
  readonly dataType?: string;
}

interface Measurement {
  readonly id: string;
  readonly label: string;
  /** Undefined or 0: nothing to show. */
  readonly of: (sums: FlowSums) => number | undefined;
}

const MEASUREMENTS: readonly Measurement[] = [
  { id: 'bytes_sent', label: 'Bytes sent', of: ({ bytesSent }) => bytesSent },
  { id: 'bytes_received', label: 'Bytes received', of: ({ bytesReceived }) => bytesReceived },
  { id: 'rtt_us', label: 'RTT µs', of: (sums) => meansOf(sums).rttMicros },
  { id: 'connect_us', label: 'Connect µs', of: (sums) => meansOf(sums).connectMicros },
  { id: 'retransmits', label: 'Retransmits', of: ({ retransmits }) => retransmits },
  { id: 'failed_count', label: 'Failed', of: ({ failed }) => failed },
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
