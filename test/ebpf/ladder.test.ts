/**
 * A kernel that refuses some of the tracker's programs, at whatever step, takes away what those are for and nothing else;
 * and the product says which, with the kernel's own answer. The refusals are bpf(2)'s (refuse-bpf.c).
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { OPTIONAL_PROGRAMS, type OptionalProgram } from 'ebpf-bridge/ebpf';
import type { Coverage } from '../../src/probe/records/coverage.js';
import { edgesTo, type JsonReport } from '../support/edges.js';
import { createNamespace } from '../support/namespace.js';
import { programPath, startNodeProgram } from '../support/program.js';
import { reportWhile } from '../support/report-while.js';
import { topoprobe } from '../support/topoprobe.js';
import { ebpfSkip } from './requirements.js';

const LIBRARY = fileURLToPath(new URL('../../refuse-bpf.so', import.meta.url));
const EPERM = 1;
const EINVAL = 22;
const CONNECTIONS = 200;
const FILES: readonly OptionalProgram[] = ['scan_files', 'sweep_adopt', 'sweep_holders'];

const skip = ebpfSkip || (!existsSync(LIBRARY) && 'needs build/refuse-bpf.so, which a C compiler (cc) makes');

interface Diagnosis {
  readonly source: string;
  readonly reason: string;
  readonly coverage?: Coverage;
  readonly checks: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
}

const refusing = (...refusals: readonly string[]): Record<string, string> => ({
  LD_PRELOAD: LIBRARY,
  REFUSE_BPF: refusals.join(';'),
  TOPOPROBE_RUNG: 'auto',
});

async function diagnose(...refusals: readonly string[]): Promise<Diagnosis> {
  const { code, stdout, stderr } = await topoprobe(['doctor', '--json'], { env: refusing(...refusals) });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Diagnosis;
}

function assertCaptured({ checks, source }: Diagnosis): void {
  assert.equal(source, 'ebpf');
  const capture = checks.find(({ name }) => name === 'capture');
  assert.match(capture?.detail ?? '', /^100 %: of \d{3,} ends of connections .*, 0 were not seen$/);
}

for (const step of ['load', 'attach'] as const)
  for (const program of OPTIONAL_PROGRAMS)
    test(`${program} refused at its ${step}: the others go on`, { skip }, async () => {
      const diagnosis = await diagnose(`${step} ${program} ${EPERM}`);
      assertCaptured(diagnosis);
      assert.deepEqual(
        diagnosis.coverage?.blind.map(({ program: refused, reason }) => [refused, reason]),
        [[program, `${step} refused: Operation not permitted`]],
      );
      const said = diagnosis.checks.find(({ name }) => name === program);
      assert.match(said?.detail ?? '', /Operation not permitted; so .+/);
      // Of this refusal only: other checks look at namespaces that come and go meanwhile.
      assert.doesNotMatch(JSON.stringify([said, diagnosis.coverage, diagnosis.reason]), /CAP_|run as root/);
    });

for (const step of ['load', 'attach'])
  test(
    `places of sockets that have ended are free again without on_destroy, refused at its ${step}`,
    { skip },
    async () => {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [programPath('few-places'), String(CONNECTIONS)],
        {
          env: { ...process.env, ...refusing(`${step} on_destroy ${EPERM}`) },
        },
      );
      const { blind, seen, untracked } = JSON.parse(stdout) as {
        blind: string[];
        seen: number;
        untracked: number;
      };
      assert.deepEqual(blind, ['on_destroy']);
      assert.ok(seen >= CONNECTIONS * 2, `${seen} ends of ${CONNECTIONS} connections`);
      assert.equal(untracked, 0);
    },
  );

test("the verifier's last line is reported", { skip }, async () => {
  const { coverage } = await diagnose(`load on_read ${EINVAL}`);
  assert.equal(coverage?.blind[0]?.reason, "load refused: Invalid argument (R1 invalid mem access 'scalar')");
});

test('iterators that hand over the value of a map are not needed', { skip }, async () => {
  const diagnosis = await diagnose(`load iter_sk_storage ${EPERM}`);
  assertCaptured(diagnosis);
  assert.deepEqual(diagnosis.coverage, { rung: 'files', blind: [], limits: [] });
});

test('without state changes there is no eBPF, and capabilities are not blamed', { skip }, async () => {
  const { source, reason, coverage } = await diagnose(`load on_tcp_state ${EPERM}`);
  assert.deepEqual([source, coverage], ['proc', undefined]);
  assert.match(reason, /on_tcp_state \(tp_btf\/inet_sock_set_state\): Operation not permitted/);
  assert.doesNotMatch(reason, /CAP_|run as root/);
});

function hostFact({ Host }: JsonReport, key: string): string | undefined {
  return Object.values(Host.nodes)[0]?.latest?.[key]?.value;
}

/** Short connections and a held one, watched by a command on a kernel that refuses. */
async function reportOf(
  t: TestContext,
  refusals: readonly string[],
): Promise<{ report: JsonReport; port: string; server: number; inode: number }> {
  const { name, inode } = createNamespace(t);
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], name);
  const report = await reportWhile(
    t,
    async () => {
      const args = ['127.0.0.1', server.firstLine, CONNECTIONS];
      await startNodeProgram(t, 'short-connections', args, name);
      await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine], name);
    },
    { env: refusing(...refusals) },
  );
  return { report, port: server.firstLine, server: server.pid, inode };
}

for (const [rung, refused] of [
  ['files', []],
  ['sockets', FILES],
  ['events', [...FILES, 'scan_namespace']],
] as const)
  test(`the same connections, counts and processes on rung ${rung}`, { skip }, async (t) => {
    const { report, port, server } = await reportOf(
      t,
      refused.map((program) => `load ${program} ${EPERM}`),
    );
    const edges = edgesTo(report, port);
    assert.equal(
      edges.reduce((sum, { connections }) => sum + connections, 0),
      CONNECTIONS + 1,
    );
    assert.deepEqual(new Set(edges.map(({ toPid }) => toPid)), new Set([String(server)]));
    assert.ok(edges.every(({ fromPid }) => fromPid !== undefined));
    assert.equal(hostFact(report, 'connections_missed'), '0');
    assert.equal(hostFact(report, 'ebpf_rung'), rung);
    const said = hostFact(report, 'ebpf_refused') ?? '';
    for (const program of refused) assert.match(said, new RegExp(`${program} .*Operation not permitted`));
    if (refused.length === 0) assert.equal(said, '');
  });

test('a kernel that says no later loses the rung, and no connection', { skip }, async () => {
  const SNAPSHOTS = 5;
  // Of as many snapshots.
  const ALLOWED = 2;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [programPath('coverage-over-time'), String(SNAPSHOTS)],
    {
      env: {
        ...process.env,
        ...refusing(`start scan_files ${EPERM} ${ALLOWED}`, `start scan_namespace ${EPERM}`),
      },
    },
  );
  const { made, warnings } = JSON.parse(stdout) as {
    made: { coverage: Coverage; ends: number }[];
    warnings: string[];
  };
  assert.deepEqual(
    made.map(({ ends }) => ends),
    Array.from({ length: SNAPSHOTS }, () => 2),
  );
  assert.equal(made[0]?.coverage.rung, 'files');
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? '', /refuses a BPF program .*scan_namespace \(iter\/tcp\): start refused/);
  assert.match(warnings[1] ?? '', /rung events: .*scan_files \(iter\/task_file\): start refused/);
  assert.deepEqual(
    made.at(-1)?.coverage.blind.map(({ program, reason }) => `${program}: ${reason}`),
    ['scan_namespace', 'scan_files'].map((each) => `${each}: start refused: Operation not permitted`),
  );
});
