// The import directions of docs/architecture.md, enforced by `make check`: imports go down the picture or into
// src/report and src/machine.
/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'native-imports-nothing-of-src',
      severity: 'error',
      from: { path: '^native/' },
      to: { path: '^src/' },
    },
    {
      name: 'flows-know-only-the-report',
      severity: 'error',
      from: { path: '^src/flows/' },
      to: { path: '^(src/(?!flows/|report/)|native/|(node:)?(fs|net|http|child_process|dns)(/|$))' },
    },
    {
      name: 'conntrack-parser-imports-nothing-of-src',
      severity: 'error',
      from: { path: '^src/conntrack-parser/' },
      to: { path: '^src/(?!conntrack-parser/)' },
    },
    {
      name: 'report-imports-nothing-above-it',
      severity: 'error',
      from: { path: '^src/report/' },
      to: { path: '^(src/(?!report/)|native/)' },
    },
    {
      name: 'app-knows-only-the-report-flows-and-its-machine',
      severity: 'error',
      from: { path: '^src/app/' },
      to: { path: '^(src/(?!app/|report/|flows/|machine/)|native/)' },
    },
    {
      name: 'machine-imports-nothing-of-src',
      severity: 'error',
      from: { path: '^src/machine/' },
      to: { path: '^(src/(?!machine/)|native/)' },
    },
    {
      name: 'probe-knows-only-the-report',
      severity: 'error',
      from: { path: '^src/probe/' },
      to: { path: '^src/(app|web|cli)/' },
    },
    {
      name: 'only-sources-and-doctor-use-native',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot:
          '^src/(probe/(connections/(ebpf|conntrack|procfs|net-namespaces|net-addresses)|processes/proc-files)|cli/(doctor-checks|small-memory))',
      },
      to: { path: '^(native/|ebpf-bridge)' },
    },
    {
      name: 'topology-is-pure',
      severity: 'error',
      from: { path: '^src/probe/topology/' },
      to: { path: '^(src/probe/(?!topology/)|(node:)?(fs|net|http|child_process|dns)(/|$))' },
    },
    {
      name: 'views-are-pure',
      severity: 'error',
      from: { path: '^src/app/views/' },
      to: { path: '^(src/app/(?!views/)|(node:)?(fs|net|http|child_process)(/|$))' },
    },
    {
      name: 'sources-not-sideways',
      severity: 'error',
      from: { path: '^src/probe/connections/([^/]+)/' },
      to: { path: '^src/probe/connections/[^/]+/', pathNot: '^src/probe/connections/$1/' },
    },
    {
      name: 'reporters-not-sideways',
      severity: 'error',
      from: { path: '^src/probe/(processes|hosts|containers|kubernetes|dns|publish)/' },
      to: { path: '^src/probe/[^/]+/', pathNot: '^src/probe/$1/' },
    },
    {
      name: 'web-is-alone',
      severity: 'error',
      from: { path: '^src/web/' },
      to: { path: '^src/(?!web/)' },
    },
    {
      name: 'src-never-imports-tests-or-benchmarks',
      severity: 'error',
      from: { path: '^(src|native)/' },
      to: { path: '^(test|bench)/' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.d\\.ts$' },
  },
};
