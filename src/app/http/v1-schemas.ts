/**
 * Schemas of `/api/v1`: they check questions, shape answers, and are what the OpenAPI document is made of.
 */

const text = { type: 'string' } as const;
const whole = { type: 'integer', minimum: 0 } as const;
const counts = { type: 'object', additionalProperties: { type: 'integer' } } as const;
const instant = { type: 'string', format: 'date-time' } as const;

const END = {
  type: 'object',
  properties: {
    connections: whole,
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
    connections: whole,
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
    evidence: {
      type: 'object',
      description: 'connections by how direction and processes are known',
      properties: { direction: counts, clientPid: counts, serverPid: counts },
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

export const SEARCH_QUERY = {
  type: 'object',
  required: ['q'],
  properties: {
    q: { ...text, minLength: 1, maxLength: 200 },
    limit: { type: 'integer', minimum: 1, maximum: 1_000, default: 100 },
  },
} as const;
