/** The built product on another kernel than this machine's, in emulation; and what is said of a machine that does not get that far. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { PROJECT_ROOT } from '../../src/cli/installation.js';
import { DebianPackages } from './host/debian-packages.js';
import { kernelImage, type KernelImage } from './host/kernel-image.js';
import { kernelByName } from './host/kernels.js';
import { packInitramfs } from './host/initramfs.js';
import { failures, tryKernel } from './host/try-kernel.js';
import { UnavailableError } from './host/unavailable.js';
import { boot } from './host/virtual-machine.js';

/** The oldest: furthest from what tests run on otherwise. */
const KERNEL = kernelByName('6.1-amd64');
const NEEDED = ['qemu-system-x86_64', 'setpriv', 'cpio', '/sbin/depmod', 'xz', 'apt-get', 'dpkg-deb', 'npm'];
const SUITE_DEADLINE_MS = 270_000;
const BOOT_DEADLINE_MS = 120_000;

function isMissing(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return false;
  } catch {
    return true;
  }
}

function reasonToSkip(): string | false {
  const missing = NEEDED.filter(isMissing);
  if (missing.length > 0)
    return `needs ${missing.join(', ')}: root on Debian has them by make packages-for-tests`;
  if (arch() !== 'x64') return 'needs an x86-64 machine: what is built for this one can’t run there';
  const built = ['native/build/ebpf_bridge.node', 'build/scenarios', 'build/churn'];
  const lacking = built.filter((file) => !existsSync(join(PROJECT_ROOT, file)));
  return lacking.length > 0 && `needs ${lacking.join(', ')}: make build could not build it`;
}

const skip = reasonToSkip();

/** What `attempt` comes to, or undefined after the test was skipped because something can't be downloaded. */
async function unlessUnavailable<T>(t: TestContext, attempt: Promise<T>): Promise<T | undefined> {
  try {
    return await attempt;
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    t.skip(error.message);
    return undefined;
  }
}

test(`kernel ${KERNEL.name}: everything is seen there that must be`, { skip }, async (t) => {
  const rungs = ['files', 'events'] as const;
  const trial = await unlessUnavailable(t, tryKernel(KERNEL, { rungs, deadlineMs: SUITE_DEADLINE_MS }));
  if (trial === undefined) return;
  assert.match(trial.release, /^6\.1\.\d+-.*cloud-amd64$/);
  assert.deepEqual(failures(trial), []);
});

async function image(t: TestContext): Promise<KernelImage | undefined> {
  const packages = new DebianPackages(KERNEL.architecture);
  t.after(() => packages.close());
  return unlessUnavailable(t, kernelImage(KERNEL, packages));
}

for (const [what, deadlineMs, reason] of [
  [
    'a kernel that panics is told of by the end of its console',
    BOOT_DEADLINE_MS,
    /it ended before all was done .*Kernel panic/s,
  ],
  ['a machine that is not done in time is ended', 1, /it was not done after 0.001 s/],
] as const) {
  test(what, { skip }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'topoprobe-boot-'));
    t.after(() => rm(folder, { recursive: true }));
    const kernel = await image(t);
    if (kernel === undefined) return;
    await mkdir(join(folder, 'root'));
    await writeFile(join(folder, 'root/init'), 'no program', { mode: 0o755 });
    const initramfs = join(folder, 'initramfs');
    await packInitramfs(join(folder, 'root'), initramfs);
    const machine = { kernel: KERNEL, image: kernel.image, initramfs, parameters: '', lastLine: '@@end' };
    await assert.rejects(boot({ ...machine, deadlineMs, onLine: () => undefined }), ({ message }: Error) => {
      assert.match(message, /^could not run kernel 6\.1-amd64 to its end: [^\n]+\n/);
      assert.match(message, reason);
      return true;
    });
  });
}
