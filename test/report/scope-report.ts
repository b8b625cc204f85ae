/** A report as Scope's own probe sends one: every kind of thing it has, as a tree for `toGoMsgpack`. */
import { Float, goTime, type Tree } from './go-msgpack.js';

/** Not UTF-8: bytes above 127 in the seconds and the nanoseconds. */
export const TAKEN_AT = goTime(1_795_244_936, 0x3a_bb_cc_dd, 0);
const EARLIER_ABROAD = goTime(1_795_244_930, 0x0f_f0_ff_80, -330);
const LATER_IN_UTC = goTime(1_795_244_940, 1, -1);

function latest(facts: Readonly<Record<string, string>>, timestamp = TAKEN_AT): Tree {
  return Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, { timestamp, value }]));
}

function goNode(id: string, topology: string, fields: Readonly<Record<string, Tree>>): Tree {
  const absent = { sets: null, adjacency: null, latest: null, metrics: null, parents: null, children: null };
  return { id, topology, ...absent, ...fields };
}

function goTopology(fields: Readonly<Record<string, Tree>>): Tree {
  const absent = { nodes: null, controls: null, metadata_templates: null, metric_templates: null };
  return { shape: '', tag: '', label: '', label_plural: '', ...absent, table_templates: null, ...fields };
}

const containerId = `${'0123456789abcdef'.repeat(4)};<container>`;

export const SCOPE_REPORT: Readonly<Record<string, Tree>> = {
  TS: TAKEN_AT,
  Endpoint: goTopology({
    nodes: {
      'vm-4026531833;127.0.0.1;8097': goNode('vm-4026531833;127.0.0.1;8097', 'endpoint', {
        latest: latest({ pid: '812', host_node_id: 'vm;<host>', conn_count: '12' }, EARLIER_ABROAD),
        adjacency: [';10.0.0.9;443', ';2001:db8::1;443'],
      }),
      ';10.0.0.9;443': goNode(';10.0.0.9;443', 'endpoint', {}),
    },
  }),
  Process: goTopology({
    shape: 'square',
    label: 'process',
    label_plural: 'processes',
    nodes: {
      'vm;812': goNode('vm;812', 'process', {
        latest: latest({ pid: '812', name: 'nginx', cmdline: `nginx ${'-x '.repeat(100)}`, threads: '3' }),
        metrics: {
          process_cpu_usage_percent: {
            samples: [{ date: TAKEN_AT, value: new Float(0.25) }],
            min: new Float(0),
            max: new Float(200),
          },
          open_files_count: {
            samples: [{ date: EARLIER_ABROAD, value: new Float(7) }],
            min: new Float(0),
            max: new Float(2 ** 64),
          },
          process_memory_usage_bytes: { samples: null, min: new Float(0), max: new Float(-1.5) },
        },
        parents: { host: ['vm;<host>'], container: [containerId] },
      }),
    },
    metadata_templates: {
      pid: {
        id: 'pid',
        label: 'PID',
        truncate: 0,
        dataType: 'number',
        priority: new Float(1),
        from: 'latest',
      },
    },
    metric_templates: {
      cpu: { id: 'cpu', label: 'CPU', format: 'percent', group: 'load', priority: new Float(1) },
    },
  }),
  Container: goTopology({
    shape: 'hexagon',
    label: 'container',
    label_plural: 'containers',
    nodes: {
      [containerId]: goNode(containerId, 'container', {
        latest: latest({ docker_container_name: 'grün', docker_label_a: '' }, LATER_IN_UTC),
        sets: { docker_container_ips: ['172.17.0.2', '172.17.0.3'], docker_container_ips_with_scopes: null },
        parents: { container_image: ['sha;<container_image>'] },
      }),
    },
    controls: {
      docker_stop_container: {
        id: 'docker_stop_container',
        human: 'Stop',
        category: '',
        icon: 'fa fa-stop',
        confirmation: 'Really?',
        rank: 4,
      },
    },
    table_templates: {
      docker_label_: {
        id: 'docker_label_',
        label: 'Docker labels',
        prefix: 'docker_label_',
        type: 'property-list',
        columns: [{ id: 'label', label: 'Label', dataType: '' }],
        fixedRows: { state: 'State' },
      },
    },
  }),
  Host: goTopology({
    shape: 'circle',
    label: 'host',
    label_plural: 'hosts',
    nodes: {
      'vm;<host>': goNode('vm;<host>', 'host', {
        latest: latest({ host_name: 'vm', os: 'linux', uptime: '12345' }),
        sets: { local_networks: ['127.0.0.0/8', '172.17.0.0/16'] },
        children: [goNode('vm;812', 'process', { latest: latest({ pid: '812' }) })],
      }),
    },
  }),
  Overlay: goTopology({}),
  DNS: { '10.0.0.9': { forward: ['shop.example'], reverse: ['a.example', 'b.example'] } },
  Sampling: { Count: 1000, Total: 100_000 },
  Window: 3_000_000_000,
  Shortcut: true,
  Plugins: [
    {
      id: 'traffic-control',
      label: 'Traffic control',
      description: 'Shapes',
      interfaces: ['reporter', 'controller'],
      api_version: '1',
      status: 'ok',
      seen: TAKEN_AT,
      blob: Buffer.from([0xff, 0xfe, 0x00]),
    },
  ],
  ID: '7215672319461921346',
};
