// The import directions of docs/architecture.md, enforced by `make check`.

/**
 * The floors of each package, from the ground up: what stands on a line may import what stands on the lines above it,
 * never what stands below it or beside it. A name is a folder, or a file without its `.ts`.
 */
const FLOORS = {
  'src/report': [
    ['model'], // the report's types, ids and times
    ['keys'], // what nodes' facts are called
    ['rename-host'], // a report under another host name
    ['merge'], // reports → one report
    ['wire'], // reports ↔ bytes
    ['index'],
  ],
  'src/probe': [
    ['descriptors', 'errno', 'reporter'],
    ['errors'], // every fault of the probe, with what to do
    ['interfaces'],
    ['records'], // the flat formats that sources write and all else reads
    ['namespaces'], // which network namespaces there are, with which addresses
    ['connections/ebpf', 'connections/procfs', 'connections/failover-source', 'conntrack'], // who reads the kernel
    ['nat'], // records look through translations
    ['open-connections'], // the source for this machine, put together
    ['processes', 'hosts', 'dns', 'publish', 'self', 'degradations', 'surroundings'], // each alone
    ['flows'], // records → connections → flows, and the state that is delivered
    ['completeness', 'settings'],
    ['observers', 'pipeline'], // who is asked for facts | one tick
    ['create-pipeline', 'probe'],
    ['watched-parts'],
    ['renewable-metrics'],
    ['create-probe'],
    ['index'],
  ],
  'src/app': [
    ['errors', 'limits', 'etag'],
    ['bodies', 'listen'], // bodies of requests, under a bound on memory
    ['auth'], // who may ask
    ['options'],
    ['flows'], // reports → flows between ends
    ['decode'], // bytes → report or statement; a report in Scope's form → statements
    ['views', 'window'], // flows → graphs | what counts now
    ['describe'], // graphs → what people read
    ['engine'], // the thread that holds the window and renders views
    ['ingest', 'http'],
    ['live'],
    ['app'],
    ['index'],
  ],
  'src/cli': [
    ['errors', 'host-name', 'installation', 'check', 'user', 'visible-text', 'small-memory'],
    ['stop-signal', 'working-directory', 'runtime-check', 'try-capture'],
    ['stdout', 'stderr-lines', 'supervisor', 'dot', 'doctor-checks'],
    ['options'], // what is given on the command line
    ['logger'],
    ['program'],
    ['probe-settings', 'start-app'], // options → settings
    ['commands'],
    ['main'],
    ['start'],
  ],
};

/** Rooms in which nothing is read or sent: functions of what they are given. */
const PURE = [
  'src/(netlink|conntrack-parser)',
  'src/report/(model|keys|rename-host|merge)',
  'src/flows',
  'src/probe/(records|flows)',
  'src/probe/nat/(resolve-nat|flow-index|short-flows|translations)',
  'src/app/(flows|views|describe|window)',
];

/** What each may import of this repository, besides itself and the packages of npm. */
const PACKAGES = {
  native: [],
  'src/netlink': [],
  'src/conntrack-parser': ['src/netlink'],
  'src/machine': [],
  'src/report': [],
  'src/web': [],
  'src/flows': ['src/report'],
  'src/probe': ['src/flows', 'src/report', 'src/machine', 'src/netlink', 'src/conntrack-parser', 'native'],
  'src/app': ['src/flows', 'src/report', 'src/machine'],
  'src/cli': ['src/probe', 'src/app', 'src/flows', 'src/report', 'src/machine', 'native'],
};

const at = (root, names) => `^${root}/(${names.join('|')})(/|\\.ts$)`;

const floorRules = Object.entries(FLOORS).flatMap(([root, floors]) =>
  floors.flatMap((floor, height) =>
    floor.map((room) => ({
      name: `floors-of-${root.slice('src/'.length)}`,
      comment: `${room} may import what is below it only`,
      severity: 'error',
      from: { path: at(root, [room]) },
      to: { path: `^${root}/`, pathNot: at(root, [room, ...floors.slice(0, height).flat()]) },
    })),
  ),
);

const packageRules = Object.entries(PACKAGES).map(([root, allowed]) => ({
  name: `${root.split('/').at(-1)}-imports-nothing-above-it`,
  severity: 'error',
  from: { path: `^${root}/` },
  to: { path: '^(src|native|test|bench)/', pathNot: [root, ...allowed].map((one) => `^${one}/`) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...packageRules,
    ...floorRules,
    {
      name: 'every-file-has-a-floor',
      severity: 'error',
      from: {},
      to: {
        path: '^src/(report|probe|app|cli)/',
        pathNot: Object.entries(FLOORS).map(([root, floors]) => at(root, floors.flat())),
      },
    },
    {
      name: 'pure-rooms-do-no-io',
      severity: 'error',
      from: { path: PURE.map((room) => `^${room}(/|\\.ts$)`) },
      to: { path: '^(node:)?(fs|net|http|https|child_process|dns|worker_threads)(/|$)' },
    },
    {
      name: 'only-sources-and-doctor-use-native',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot:
          '^src/(probe/(connections/(ebpf|procfs)|conntrack|namespaces|processes/proc-files)|cli/(doctor-checks|small-memory))',
      },
      to: { path: '^(native/|ebpf-bridge)' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.d\\.ts$' },
  },
};
