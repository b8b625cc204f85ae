/**
 * Schemas of `/api/v1`: they check questions, shape answers, and are what the OpenAPI document is made of. What each number
 * means is in docs/numbers.md.
 */

const text = { type: 'string' } as const;
const whole = { type: 'integer', minimum: 0 } as const;
const counts = { type: 'object', additionalProperties: { type: 'integer' } } as const;
const instant = { type: 'string', format: 'date-time' } as const;

const END = {
  type: 'object',
  properties: {
    connections: whole,
    opened: whole,
    closed: whole,
    live: whole,
    bytesSent: whole,
    bytesReceived: whole,
    retransmits: whole,
    rttMicros: whole,
  },
} as const;

const EDGE = {
  type: 'object',
  required: ['from', 'to', 'connections', 'seenBy'],
  properties: {
    from: { ...text, description: 'id of the node that opens the connections' },
    to: { ...text, description: 'id of the node that accepts them' },
    fromLabel: text,
    toLabel: text,
    ports: { ...counts, description: "ports of the server's side, with the connections to each" },
    via: {
      ...counts,
      description:
        "what clients dialled where that is not the server's own, as address:port, with the connections to each",
    },
    connections: { ...whole, description: 'connections that existed at any time of the window' },
    opened: { ...whole, description: 'connections that began in the window, while a probe watched' },
    closed: { ...whole, description: 'connections that ended in the window' },
    live: { ...whole, description: 'connections there are now' },
    rates: {
      type: 'object',
      description: 'per second, by the time between the statements; absent before any probe spoke twice',
      properties: {
        opened: { type: 'number' },
        closed: { type: 'number' },
        failed: { type: 'number' },
        bytesSent: { type: 'number' },
        bytesReceived: { type: 'number' },
      },
    },
    bytesSent: { ...whole, description: 'payload bytes that the client sent' },
    bytesReceived: whole,
    retransmits: whole,
    failed: { ...whole, description: 'connects that failed' },
    failures: { ...counts, description: 'failed connects by reason' },
    rttMicros: { ...whole, description: 'mean smoothed round-trip time in microseconds' },
    connectMicros: { ...whole, description: 'mean time from SYN to established in microseconds' },
    seenBy: {
      ...text,
      enum: ['both', 'client', 'server', 'neither'],
      description: 'whose probes know the process at their end',
    },
    ends: {
      type: 'object',
      description: "the same edge by the count of each end's probes",
      properties: { client: END, server: END },
    },
    disagreement: {
      type: 'array',
      items: text,
      description: 'numbers in which the two ends differ by more than a tenth',
    },
    sampled: {
      type: 'boolean',
      description: 'true when some counts were distributed by a sample of the client ports',
    },
    evidence: {
      type: 'object',
      description: 'connections by how direction, processes and NAT are known',
      properties: { direction: counts, clientPid: counts, serverPid: counts, nat: counts },
    },
  },
} as const;

export const EDGES_ANSWER = {
  type: 'object',
  required: ['view', 'total', 'edges'],
  properties: {
    view: text,
    total: { ...whole, description: 'edges there are, sent or not' },
    edges: { type: 'array', items: EDGE },
  },
} as const;

const FLOW_END = {
  type: 'object',
  required: ['address'],
  properties: {
    address: text,
    host: { ...text, description: "name of the host whose probe saw this end's socket" },
    pid: whole,
    start: { ...whole, description: 'start of the process in clock ticks after boot' },
    name: { ...text, description: "name of the process's program" },
  },
} as const;

const FLOW = {
  type: 'object',
  required: ['scope', 'client', 'server', 'connections', 'opened', 'closed', 'live', 'ports'],
  properties: {
    scope: { ...text, description: 'empty for addresses that mean the same everywhere' },
    client: FLOW_END,
    server: { ...FLOW_END, properties: { ...FLOW_END.properties, port: whole } },
    via: { ...text, description: "what the client dialled, where that is not the server's own" },
    connections: whole,
    opened: whole,
    closed: whole,
    live: whole,
    failed: { ...counts, description: 'failed connects by reason' },
    bytesSent: whole,
    bytesReceived: whole,
    retransmits: whole,
    rttMicros: whole,
    connectMicros: whole,
    evidence: {
      type: 'object',
      properties: { direction: text, clientProcess: text, serverProcess: text, nat: text },
    },
    sampled: { type: 'boolean' },
    ports: {
      type: 'array',
      description: 'client ports, each with the connections that it stands for',
      items: { type: 'array', items: whole },
    },
  },
} as const;

export const FLOWS_ANSWER = {
  type: 'object',
  required: ['total', 'flows'],
  properties: {
    total: { ...whole, description: 'flows there are, sent or not' },
    flows: { type: 'array', items: FLOW },
  },
} as const;

export const PROBES_ANSWER = {
  type: 'object',
  required: ['probes'],
  properties: {
    probes: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'hostname', 'version', 'lastSeen', 'complete'],
        properties: {
          id: text,
          hostname: text,
          nameThere: {
            ...text,
            description: 'what the probe calls its host, when several machines have that name',
          },
          machine: { ...text, description: "digest of the machine's id" },
          notSeen: { type: 'array', items: text, description: 'what the probe does not see, and what to do' },
          version: text,
          lastSeen: instant,
          staleSince: { ...instant, description: 'set while the probe is silent' },
          intervalMs: { type: 'number', description: 'time between reports, as announced or seen' },
          skewMs: { type: 'number', description: "the app's clock minus the probe's" },
          correctedMs: { type: 'number', description: 'what its times are moved by, where its clock is off' },
          othersWithId: {
            type: 'array',
            items: text,
            description: 'other machines that report under the same id',
          },
          degraded: {
            type: 'array',
            description: 'what the probe goes without at present',
            items: {
              type: 'object',
              properties: { part: text, text: { ...text, description: 'why, and what to do' } },
            },
          },
          reports: whole,
          sampled: {
            type: 'number',
            description: 'share of the connections that the probe looked at, 0 to 1',
          },
          complete: {
            type: 'boolean',
            description: 'false while stale or when connections were not looked at',
          },
        },
      },
    },
  },
} as const;

export const SEARCH_ANSWER = {
  type: 'object',
  required: ['found'],
  properties: {
    found: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          view: text,
          id: text,
          label: text,
          labelMinor: text,
          field: { ...text, description: 'what matched' },
          value: text,
        },
      },
    },
  },
} as const;

export const FAULT = {
  type: 'object',
  required: ['error', 'code'],
  properties: {
    error: { ...text, description: 'what was attempted and what to do' },
    code: { ...text, description: 'stable name of the fault' },
  },
} as const;

export const EDGES_QUERY = {
  type: 'object',
  properties: {
    view: { ...text, default: 'processes', description: 'one of the views of /api/topology' },
    limit: { type: 'integer', minimum: 1, maximum: 100_000, default: 10_000 },
  },
} as const;

export const FLOWS_QUERY = {
  type: 'object',
  properties: {
    host: { ...text, maxLength: 300, description: 'name of a host at either end' },
    pid: { ...whole, description: 'PID at either end' },
    name: { ...text, maxLength: 300, description: "name of a process's program at either end" },
    address: { ...text, maxLength: 60, description: 'address at either end, or the one dialled' },
    port: {
      type: 'integer',
      minimum: 0,
      maximum: 65_535,
      description: "the server's port, or the one dialled",
    },
    limit: { type: 'integer', minimum: 1, maximum: 100_000, default: 10_000 },
  },
} as const;

export const SEARCH_QUERY = {
  type: 'object',
  required: ['q'],
  properties: {
    q: { ...text, minLength: 1, maxLength: 200 },
    limit: { type: 'integer', minimum: 1, maximum: 1_000, default: 100 },
  },
} as const;
