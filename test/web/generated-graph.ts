/** Made-up graphs of the shape the app sends: services on machines, calling each other, and the Internet. */

export interface WireNode {
  readonly id: string;
  readonly label: string;
  readonly labelMinor: string;
  readonly rank: string;
  readonly shape: string;
  readonly pseudo?: true;
  readonly metadata?: readonly { readonly id: string; readonly label: string; readonly value: string }[];
  readonly parents?: readonly { readonly id: string; readonly label: string; readonly topologyId: string }[];
  readonly metrics?: readonly unknown[];
  readonly adjacency?: readonly string[];
}

const NAMES = [
  'nginx',
  'checkout',
  'postgres',
  'redis-server',
  'node',
  'envoy',
  'kafka',
  'python3',
  'prometheus',
  'java',
  'etcd',
  'sshd',
];

/** A process as the app describes it. */
export function processNode(
  host: string,
  pid: number,
  name: string,
  adjacency: readonly string[] = [],
): WireNode {
  return {
    id: `${host};${pid}`,
    label: name,
    labelMinor: `${host} (${pid})`,
    rank: name,
    shape: 'square',
    metadata: [
      { id: 'pid', label: 'PID', value: String(pid) },
      { id: 'cmdline', label: 'Command', value: `/usr/bin/${name} --config /etc/${name}.conf` },
    ],
    parents: [{ id: `${host};<host>`, label: host, topologyId: 'hosts' }],
    metrics: [
      {
        id: 'process_memory_usage_bytes',
        label: 'Memory',
        format: 'filesize',
        value: 48_234_496,
        samples: null,
        min: 0,
        max: 0,
      },
    ],
    ...(adjacency.length === 0 ? {} : { adjacency }),
  };
}

/** `order` processes, about twice as many edges, always the same for the same arguments. */
export function generatedGraph(order: number, hosts = Math.max(1, Math.round(order / 60))): WireNode[] {
  const random = repeatable(order);
  const ids = Array.from({ length: order }, (_, index) => ({
    host: `node-${(index % hosts) + 1}`,
    pid: 1_000 + index,
  }));
  const idOf = (index: number): string => `${ids[index]!.host};${ids[index]!.pid}`;
  return ids
    .map(({ host, pid }, index) => {
      const adjacency = new Set<string>();
      const calls = index === 0 ? 0 : Math.floor(random() * 4);
      for (let call = 0; call < calls; call++) {
        // Few are called by many: targets lean towards the front; most of them on the same machine.
        let target = Math.floor(random() ** 3 * index);
        if (random() < 0.8) target -= (target - index) % hosts;
        adjacency.add(idOf(Math.max(0, Math.min(order - 1, target))));
      }
      if (random() < 0.04) adjacency.add('out-theinternet');
      return processNode(
        host,
        pid,
        NAMES[Math.floor(random() ** 1.5 * NAMES.length)]!,
        [...adjacency].sort(),
      );
    })
    .concat(order < 10 ? [] : [internet()]);
}

function internet(): WireNode {
  return {
    id: 'out-theinternet',
    label: 'The Internet',
    labelMinor: 'Outbound connections',
    rank: 'out-theinternet',
    shape: 'cloud',
    pseudo: true,
  };
}

/** Numbers in 0 … 1 that are the same in every run (mulberry32). */
function repeatable(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
