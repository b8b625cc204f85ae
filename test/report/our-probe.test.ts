/**
 * What our own probe sends, field by field: nothing that a Scope app would not know how to take, everything that it
 * needs, in both encodings, read here without our codec.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { decodeReport, encodeReport, reportFromJson, reportToJson } from '../../src/report/index.js';
import { startNodeProgram, type Program } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { fromOldMsgpack } from './go-msgpack.js';

const HOST = 'our-host';
const HOST_NODE = `${HOST};<host>`;

/** Latest keys Scope has; behind them those of ours, which it passes over. */
const LATEST: Readonly<Record<string, readonly (readonly string[])[]>> = {
  endpoint: [
    ['pid', 'host_node_id', 'conn_count', 'copy_of', 'does_not_make_connections'],
    ['conn_new', 'bytes_sent', 'bytes_received', 'retransmits', 'rtt_us', 'connect_us'],
    ['direction_evidence', 'pid_evidence', 'to_pid', 'failed_count', 'failed_reason'],
    ['exited_pid', 'exited_name', 'holder_pids', 'holder_pids_more', 'listener_pids', 'listener_pids_more'],
    ['last_listener_name', 'last_listener_listens', 'mptcp_subflows'],
  ],
  process: [
    ['pid', 'name', 'ppid', 'cmdline', 'threads', 'host_node_id', 'docker_container_id'],
    ['start_ticks'],
  ],
  host: [
    [
      'host_name',
      'host_node_id',
      'host_scope_version',
      'control_probe_id',
      'kernel_version',
      'os',
      'uptime',
      'ts',
    ],
    ['connection_source', 'records_lost', 'captured_percent', 'sockets_unknown', 'missed_by_netns'],
    ['connections_opened', 'connections_missed', 'other_connections', 'ebpf_rung', 'ebpf_refused'],
    ['not_seen', 'machine_id', 'machine_id_from', 'boot_id', 'foreign_sockets', 'other_by_netns'],
    ['not_seen_addresses', 'not_seen_processes', 'not_seen_open_files', 'degraded_dns', 'degraded_program'],
    ['other_bytes_received', 'other_bytes_sent', 'other_failed_connects', 'other_retransmits'],
  ],
};
const NOT_TOPOLOGIES: ReadonlySet<string> = new Set(['Sampling', 'Window', 'Flows']);
const METRICS: Readonly<Record<string, readonly string[]>> = {
  process: ['process_cpu_usage_percent', 'process_memory_usage_bytes', 'open_files_count'],
  host: ['load1', 'host_cpu_usage_percent', 'host_mem_usage_bytes'],
};
const HEADS = {
  Endpoint: ['endpoint', undefined, undefined, undefined],
  Process: ['process', 'square', 'process', 'processes'],
  Host: ['host', 'circle', 'host', 'hosts'],
} as const;
const ID: Readonly<Record<string, RegExp>> = {
  endpoint: /^(our-host(-\d+)?)?;[0-9a-f.:]+;\d+$/,
  process: /^our-host;\d+$/,
  host: /^our-host;<host>$/,
};

/** One encoding's view of a report: how to look into it without our codec. */
interface Reader {
  readonly root: unknown;
  entries(value: unknown): [string, unknown][];
  text(value: unknown): string;
  isTime(value: unknown): boolean;
}

const jsonReader = (json: string): Reader => ({
  root: JSON.parse(json) as unknown,
  entries: (value) => Object.entries((value ?? {}) as Record<string, unknown>),
  text: (value) => {
    assert.equal(typeof value, 'string');
    return value as string;
  },
  isTime: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(value),
});

const msgpackReader = (bytes: Buffer): Reader => ({
  root: fromOldMsgpack(bytes),
  entries: (value) => [...((value ?? new Map()) as Map<string, unknown>)],
  text: (value) => Buffer.from(value as string, 'hex').toString(),
  // Version 1, seconds since the year 1 (this century's begin so), -1 for UTC or an offset of 0.
  isTime: (value) => typeof value === 'string' && /^010000000e[0-9a-f]{8}[0-9a-f]{8}(ffff|0000)$/.test(value),
});

const children = (reader: Reader, value: unknown, key: string): [string, unknown][] => {
  const found = reader.entries(value).find(([name]) => name === key)?.[1];
  return found === undefined ? [] : reader.entries(found);
};
const field = (reader: Reader, value: unknown, key: string): unknown =>
  reader.entries(value).find(([name]) => name === key)?.[1];
const keysOf = (reader: Reader, value: unknown): string[] => reader.entries(value).map(([key]) => key);

function assertSubset(keys: readonly string[], allowed: readonly string[], where: string): void {
  const strange = keys.filter((key) => !allowed.includes(key));
  assert.deepEqual(strange, [], where);
}

function assertReport(reader: Reader): void {
  const { root } = reader;
  const topologies = keysOf(reader, root).filter(
    (key) => /^[A-Z][a-z]/.test(key) && !NOT_TOPOLOGIES.has(key),
  );
  assertSubset(
    keysOf(reader, root),
    ['ID', 'TS', 'DNS', 'Sampling', 'Window', 'Endpoint', 'Process', 'Host', 'Flows'],
    'report',
  );
  assert.match(reader.text(field(reader, root, 'ID')), /^\d{1,19}$/);
  assert.ok(reader.isTime(field(reader, root, 'TS')), 'TS');
  assert.ok(Number.isInteger(field(reader, root, 'Window')));
  assert.deepEqual(topologies.sort(), ['Endpoint', 'Host', 'Process']);
  for (const [key, [name, shape, label, plural]] of Object.entries(HEADS)) {
    const topology = field(reader, root, key);
    const text = (what: string): string | undefined => {
      const value = field(reader, topology, what);
      return value === undefined ? undefined : reader.text(value);
    };
    assert.deepEqual([text('shape'), text('label'), text('label_plural')], [shape, label, plural], key);
    for (const [id, node] of children(reader, topology, 'nodes')) assertNode(reader, name, id, node);
    assertTemplates(reader, topology, name);
  }
}

function assertNode(reader: Reader, topology: string, id: string, node: unknown): void {
  const where = `${topology} ${id}`;
  assert.match(id, ID[topology]!);
  assertSubset(
    keysOf(reader, node),
    ['id', 'topology', 'latest', 'sets', 'adjacency', 'metrics', 'parents'],
    where,
  );
  assert.equal(reader.text(field(reader, node, 'id')), id);
  assert.equal(reader.text(field(reader, node, 'topology')), topology);
  const facts = children(reader, node, 'latest');
  assertSubset(
    facts.map(([key]) => key),
    LATEST[topology]!.flat(),
    where,
  );
  for (const [key, fact] of facts) {
    assert.deepEqual(keysOf(reader, fact).sort(), ['timestamp', 'value'], `${where} ${key}`);
    assert.ok(reader.isTime(field(reader, fact, 'timestamp')), `${where} ${key}`);
    const value = reader.text(field(reader, fact, 'value'));
    if (key === 'host_node_id') assert.equal(value, HOST_NODE, where);
    if (['pid', 'ppid', 'threads', 'conn_count', 'uptime'].includes(key)) assert.match(value, /^\d+$/, where);
  }
  const hasPid = facts.some(([key]) => key === 'pid');
  if (topology !== 'host')
    assert.equal(
      hasPid,
      facts.some(([key]) => key === 'host_node_id'),
      where,
    );
  const adjacency = ((field(reader, node, 'adjacency') ?? []) as unknown[]).map((to) => reader.text(to));
  assert.deepEqual(adjacency, [...new Set(adjacency)].sort(), where);
  for (const [key, metric] of children(reader, node, 'metrics')) {
    assert.ok(METRICS[topology]?.includes(key), `${where} ${key}`);
    assertSubset(keysOf(reader, metric), ['samples', 'min', 'max'], `${where} ${key}`);
    for (const sample of field(reader, metric, 'samples') as unknown[]) {
      assert.ok(reader.isTime(field(reader, sample, 'date')), `${where} ${key}`);
      assert.equal(typeof field(reader, sample, 'value'), 'number');
    }
  }
  for (const [kind, ids] of children(reader, node, 'parents')) {
    assert.equal(kind, 'host');
    assert.deepEqual(
      (ids as unknown[]).map((one) => reader.text(one)),
      [HOST_NODE],
    );
  }
}

/** A Scope app shows a fact only when a template names it, and a template that names nothing shows nothing. */
function assertTemplates(reader: Reader, topology: unknown, name: string): void {
  for (const [kind, known, fields] of [
    [
      'metadata_templates',
      [...(LATEST[name]?.flat() ?? []), 'local_networks'],
      ['id', 'label', 'truncate', 'dataType', 'priority', 'from'],
    ],
    ['metric_templates', METRICS[name] ?? [], ['id', 'label', 'format', 'group', 'priority']],
  ] as const) {
    for (const [id, template] of children(reader, topology, kind)) {
      assert.ok(known.includes(id), `${kind} ${id}`);
      assert.equal(reader.text(field(reader, template, 'id')), id);
      assertSubset(keysOf(reader, template), fields, `${kind} ${id}`);
    }
  }
}

/** @returns the report's bytes, made while a connection between two processes is open */
async function report(
  t: TestContext,
  format: 'json' | 'msgpack',
): Promise<{ output: Buffer; server: Program; client: Program }> {
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  const client = await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine]);
  const args = ['report', '--duration', '200ms', '--source', 'proc', '--hostname', HOST, '--no-dns'];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [TOPOPROBE, ...args, '--format', format, '--log-level', 'error'],
    { encoding: 'buffer', maxBuffer: 1 << 28 },
  );
  return { output: stdout, server, client };
}

/** The two processes, and the edge between their endpoints. */
function assertTraffic(reader: Reader, server: Program, client: Program): void {
  const nodes = new Map(children(reader, field(reader, reader.root, 'Endpoint'), 'nodes'));
  const factOf = (node: unknown, key: string): string =>
    reader.text(field(reader, field(reader, field(reader, node, 'latest'), key), 'value'));
  const from = [...nodes].find(([id]) => id.endsWith(`;127.0.0.1;${client.firstLine}`));
  const to = [...nodes].find(([id]) => id.endsWith(`;127.0.0.1;${server.firstLine}`));
  assert.ok(from && to);
  assert.match(from[0], /^our-host-\d+;/, 'loopback addresses are scoped by host and namespace');
  assert.equal(factOf(from[1], 'pid'), String(client.pid));
  assert.equal(factOf(to[1], 'pid'), String(server.pid));
  assert.deepEqual(
    (field(reader, from[1], 'adjacency') as unknown[]).map((one) => reader.text(one)),
    [to[0]],
  );
  const processes = new Map(children(reader, field(reader, reader.root, 'Process'), 'nodes'));
  const process = processes.get(`${HOST};${server.pid}`);
  for (const key of ['pid', 'name', 'ppid', 'cmdline', 'threads', 'host_node_id']) {
    assert.notEqual(factOf(process, key), '', key);
  }
  const host = new Map(children(reader, field(reader, reader.root, 'Host'), 'nodes')).get(HOST_NODE);
  for (const key of [
    'host_name',
    'host_node_id',
    'host_scope_version',
    'kernel_version',
    'os',
    'uptime',
    'ts',
  ]) {
    assert.notEqual(factOf(host, key), '', key);
  }
  const networks = field(reader, field(reader, host, 'sets'), 'local_networks') as unknown[];
  assert.ok(networks.map((one) => reader.text(one)).includes('127.0.0.1/8'));
}

test('the JSON report is one that the document describes, and comes back from our codec as it went', async (t) => {
  const { output, server, client } = await report(t, 'json');
  const json = output.toString().trimEnd();
  const reader = jsonReader(json);
  const empty = keysOf(reader, reader.root).filter(
    (key) =>
      keysOf(reader, field(reader, reader.root, key)).join() === 'nodes' &&
      children(reader, field(reader, reader.root, key), 'nodes').length === 0,
  );
  const root = Object.fromEntries(reader.entries(reader.root).filter(([key]) => !empty.includes(key)));
  assertReport({ ...reader, root });
  assertTraffic(reader, server, client);
  assert.equal(reportToJson(reportFromJson(json)), json);
});

test('the MessagePack report is of the old specification and one that the document describes', async (t) => {
  const { output, server, client } = await report(t, 'msgpack');
  const reader = msgpackReader(output);
  assertReport(reader);
  assertTraffic(reader, server, client);
  const decoded = decodeReport(output);
  assert.deepEqual(Buffer.from(encodeReport(decoded)), output);
  const throughJson = reportFromJson(reportToJson(decoded));
  for (const [key, topology] of decoded.topologies) {
    assert.deepEqual(throughJson.topologies.get(key), topology);
  }
});
