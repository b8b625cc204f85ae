/** `doctor` says what this kernel allows, found by trying. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createNatNetwork, occupy, trackConnections } from '../conntrack/nat-network.js';
import { topoprobe } from '../support/topoprobe.js';
import { ebpfSkip } from './requirements.js';

interface Check {
  readonly name: string;
  readonly status: string;
  readonly detail: string;
}

interface Diagnosis {
  readonly checks: readonly Check[];
  readonly source: string;
  readonly reason: string;
}

const NOBODY = 65_534;
const conntrackSkip =
  ebpfSkip !== false
    ? ebpfSkip
    : existsSync('/proc/net/nf_conntrack')
      ? false
      : 'needs connection tracking in the kernel (/proc/net/nf_conntrack is missing)';

async function diagnose(ids: { uid?: number; gid?: number } = {}): Promise<Diagnosis> {
  const result = await topoprobe(['doctor', '--json'], ids);
  assert.equal(result.code, 0, result.stderr);
  return JSON.parse(result.stdout) as Diagnosis;
}

async function conntrackCheck(ids: { uid?: number; gid?: number } = {}): Promise<Check> {
  const check = (await diagnose(ids)).checks.find(({ name }) => name === 'conntrack');
  assert.ok(check !== undefined);
  return check;
}

test('as root every needed feature is usable and the source is ebpf', { skip: ebpfSkip }, async () => {
  const { checks, source } = await diagnose();
  const status = new Map(checks.map((check) => [check.name, check.status]));
  for (const name of ['BTF', 'tp_btf', 'iter/task_file', 'iter/tcp', 'ringbuf', '/proc']) {
    assert.equal(status.get(name), 'usable', name);
  }
  // Whether these are usable is the kernel's business; that they were tried is ours.
  assert.ok(['kprobe', 'fentry', 'iter/bpf_sk_storage_map'].every((name) => status.has(name)));
  assert.equal(source, 'ebpf');
  const capture = checks.find(({ name }) => name === 'capture');
  assert.match(capture?.detail ?? '', /^100 %: of \d{3,} ends of connections .*, 0 were not seen$/);
});

test(
  'connection tracking is read by netlink, in every namespace there is',
  { skip: conntrackSkip },
  async (t) => {
    const network = createNatNetwork(t);
    trackConnections(network.router);
    await occupy(t, network.router);
    const check = await conntrackCheck();
    assert.equal(check.status, 'usable');
    const namespaces = /^network namespaces read by netlink: (\d+); translated flows: \d+$/.exec(
      check.detail,
    )?.[1];
    assert.ok(Number(namespaces) >= 2, check.detail);
  },
);

test('an ordinary user is told what reading connection tracking needs', { skip: conntrackSkip }, async () => {
  const check = await conntrackCheck({ uid: NOBODY, gid: NOBODY });
  assert.equal(check.status, 'refused');
  assert.match(check.detail, /^NAT is not looked through: .*CAP_NET_ADMIN/);
});

test('as an ordinary user the source is proc, and it says why', { skip: ebpfSkip }, async () => {
  const { checks, source, reason } = await diagnose({ uid: NOBODY, gid: NOBODY });
  assert.equal(checks.find(({ name }) => name === 'tp_btf')?.status, 'refused');
  assert.equal(source, 'proc');
  assert.match(reason, /eBPF is not available: .*(CAP_BPF|root)/);
});

test('without any source the exit code is 1 and the line says so', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'topoprobe-'));
  chmodSync(empty, 0o755);
  try {
    // An ordinary user with an empty /proc has neither source.
    const result = await topoprobe(
      ['doctor', '--proc-root', empty],
      process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {},
    );
    assert.equal(result.code, 1);
    assert.match(result.stdout, /source chosen +none/);
    assert.match(result.stderr, /^topoprobe: [^\n]+\n$/);
  } finally {
    rmSync(empty, { recursive: true });
  }
});
