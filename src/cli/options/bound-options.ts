/** Options that bound the detail that is reported of connections, and what waits in the kernel until it is read. */
import { Option } from 'commander';
import type { SourceBounds } from '../../probe/open-connections.js';
import { ringBytes, wholeNumber } from './option-values.js';

export interface BoundOptions {
  /** Bytes. */
  readonly ringSize: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerNetns: number;
  readonly maxNetns: number;
  readonly maxFlows: number;
}

const MOST_CONNECTIONS = 10_000_000;
const MOST_NETNS = 100_000;

export const bounding = (): Option[] => [
  new Option(
    '--ring-size <size>',
    'room in the kernel for connections that closed and were not read yet; rounded up to a power of two',
  )
    .env('TOPOPROBE_RING_SIZE')
    .argParser(ringBytes)
    .default(ringBytes('4MiB'), '4MiB'),
  new Option(
    '--max-connections <n>',
    'sockets in detail at most: live, or closed since the last report; others are counted',
  )
    .env('TOPOPROBE_MAX_CONNECTIONS')
    .argParser((text: string) => wholeNumber(text, 1, MOST_CONNECTIONS))
    .default(500_000),
  new Option('--max-connections-per-netns <n>', 'of them in one network namespace at most')
    .env('TOPOPROBE_MAX_CONNECTIONS_PER_NETNS')
    .argParser((text: string) => wholeNumber(text, 1, MOST_CONNECTIONS))
    .default(400_000),
  new Option(
    '--max-netns <n>',
    "network namespaces whose NAT is watched, and held against the kernel's counters at once",
  )
    .env('TOPOPROBE_MAX_NETNS')
    .argParser((text: string) => wholeNumber(text, 1, MOST_NETNS))
    .default(2048),
  new Option(
    '--max-flows <n>',
    'flows that are stated at most (who talks to whom at which port); the idlest go first, what has no room is counted together',
  )
    .env('TOPOPROBE_MAX_FLOWS')
    .argParser((text: string) => wholeNumber(text, 100, MOST_CONNECTIONS))
    .default(200_000),
];

export function boundsOf(options: BoundOptions): SourceBounds {
  const { ringSize, maxConnections, maxConnectionsPerNetns, maxNetns } = options;
  return { ringBytes: ringSize, maxConnections, maxConnectionsPerNetns, maxNamespaces: maxNetns };
}
