/**
 * Fuzz targets for everything in the probe that reads text of the kernel about processes and the host: whatever the bytes,
 * the answer is well formed, "unknown", or a typed error, and comes at once. The tables of sockets and of connection
 * tracking have targets of their own.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { parseTcpCounts } from '../../src/probe/connections/ebpf/kernel-counters.js';
import { describeHolder, parseHolder } from '../../src/probe/connections/procfs/process-files.js';
import { openFilesLimit } from '../../src/probe/descriptors.js';
import { readHostFacts } from '../../src/probe/hosts/host-facts.js';
import { parseCommandLine } from '../../src/probe/processes/command-line.js';
import { parseStat } from '../../src/probe/processes/stat.js';

const RUNS = { numRuns: 3000 };
const COMM_BYTES = 15;

/** Random bytes, and a real file with bytes changed, pieces repeated and its end cut off. */
function mutationsOf(real: Buffer): fc.Arbitrary<Buffer> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.constantFrom(...Buffer.from('() \n:0a-\0\xff', 'latin1'))), {
    maxLength: 8,
  });
  const damaged = fc
    .tuple(changes, fc.nat(), fc.nat(), fc.boolean())
    .map(([bytes, cut, from, isRepeated]) => {
      const copy = Buffer.from(real);
      for (const [at, value] of bytes) copy[at % copy.length] = value;
      const kept = copy.subarray(0, cut % 3 === 0 ? cut % (copy.length + 1) : copy.length);
      return isRepeated ? Buffer.concat([kept, kept.subarray(from % (kept.length + 1))]) : kept;
    });
  return fc.oneof(
    damaged,
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  );
}

const realFile = (path: string): Buffer => readFileSync(`/proc/${path}`);

test('fuzz: stat of a process, as facts', () => {
  assert.ok(parseStat(realFile('self/stat')) !== undefined);
  fc.assert(
    fc.property(mutationsOf(realFile('self/stat')), (bytes) => {
      const stat = parseStat(bytes);
      if (stat === undefined) return;
      const { comm, ...numbers } = stat;
      assert.equal(typeof comm, 'string');
      for (const value of Object.values(numbers)) assert.ok(!Number.isNaN(value));
    }),
    RUNS,
  );
});

test('fuzz: stat of a process, as the holder of a socket', () => {
  const real = parseHolder(process.pid, realFile('self/stat'));
  assert.ok(real.startNanos > 0n && real.comm.length > 0);
  fc.assert(
    fc.property(mutationsOf(realFile('self/stat')), (bytes) => {
      const { pid, startNanos, comm } = parseHolder(7, bytes);
      assert.equal(pid, 7);
      assert.ok(startNanos >= 0n && startNanos < 2n ** 64n);
      assert.ok(comm.length <= COMM_BYTES);
    }),
    RUNS,
  );
});

test('a process that has gone is a holder without a name', () => {
  assert.deepEqual(describeHolder('/proc', 2 ** 30), {
    pid: 2 ** 30,
    startNanos: 0n,
    comm: new Uint8Array(0),
  });
});

test('fuzz: arguments, under every policy', () => {
  fc.assert(
    fc.property(
      mutationsOf(Buffer.from('/usr/bin/tool\0--password=hunter2\0--name\0value\0-p\0secret\0')),
      fc.constantFrom('masked' as const, 'withheld' as const, 'verbatim' as const),
      (bytes, policy) => {
        const { name, cmdline } = parseCommandLine(bytes, policy);
        assert.ok(!name.includes('\0') && !cmdline.includes('\0'));
        if (policy === 'withheld') assert.equal(cmdline, name);
      },
    ),
    RUNS,
  );
});

test('fuzz: limits of a process', () => {
  assert.ok((openFilesLimit(realFile('self/limits').toString('latin1')) ?? 0) > 0);
  fc.assert(
    fc.property(mutationsOf(realFile('self/limits')), (bytes) => {
      const limit = openFilesLimit(bytes.toString('latin1'));
      assert.ok(limit === undefined || limit >= 0);
    }),
    RUNS,
  );
});

test('fuzz: TCP counters of a namespace', () => {
  assert.ok(parseTcpCounts(realFile('self/net/snmp').toString('latin1')) !== undefined);
  fc.assert(
    fc.property(mutationsOf(realFile('self/net/snmp')), (bytes) => {
      const counts = parseTcpCounts(bytes.toString('latin1'));
      for (const value of Object.values(counts ?? {}))
        assert.ok(Number.isFinite(value as number) && (value as number) >= 0);
    }),
    RUNS,
  );
});

/** A proc file system with only the host's files in it. */
function copyOfProc(t: TestContext): { root: string; files: readonly (readonly [string, Buffer])[] } {
  const root = mkdtempSync(join(tmpdir(), 'proc-'));
  t.after(() => {
    rmSync(root, { recursive: true });
  });
  mkdirSync(join(root, 'sys/kernel'), { recursive: true });
  const names = ['uptime', 'loadavg', 'stat', 'meminfo', 'sys/kernel/osrelease', 'sys/kernel/version'];
  const files = names.map((name) => [name, realFile(name)] as const);
  for (const [name, bytes] of files) writeFileSync(join(root, name), bytes);
  return { root, files };
}

test('fuzz: files about the host', async (t) => {
  const { root, files } = copyOfProc(t);
  await readHostFacts(root);
  const mutation = fc
    .constantFrom(...files)
    .chain(([name, real]) => fc.tuple(fc.constant(name), mutationsOf(real)));
  await fc.assert(
    fc.asyncProperty(mutation, async ([name, bytes]) => {
      const path = join(root, name);
      const real = readFileSync(path);
      writeFileSync(path, bytes);
      try {
        const { facts, lacks } = await readHostFacts(root);
        const { cpu, memory, load1, uptimeSeconds } = facts;
        for (const value of [cpu?.busy, cpu?.total, cpu?.cores, memory?.totalBytes, load1, uptimeSeconds])
          assert.ok(!Number.isNaN(value));
        const unknown = [cpu, memory, load1, uptimeSeconds].filter((fact) => fact === undefined);
        assert.equal(lacks.length, unknown.length, 'what is unknown is told of');
      } finally {
        writeFileSync(path, real);
      }
    }),
    { numRuns: 500 },
  );
});
