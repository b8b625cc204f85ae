/** One kernel of Debian: its image, and the modules that the suite needs, in the order in which they are loaded. */
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cached } from './cache.js';
import type { DebianPackages } from './debian-packages.js';
import { packInitramfs } from './initramfs.js';
import type { Kernel } from './kernels.js';
import { runCommand } from './run-command.js';

/** Pairs of interfaces, what translates addresses and refuses packets, and who tells of both. */
const MODULES = [
  'veth',
  'nf_conntrack_netlink',
  'xt_nat',
  'xt_tcpudp',
  'iptable_nat',
  'iptable_filter',
  'ip6table_filter',
  'ipt_REJECT',
  'ip6t_REJECT',
  'tcp_diag',
] as const;

export interface KernelImage {
  readonly image: string;
  /** Part of an initramfs. */
  readonly modules: string;
}

export async function kernelImage(kernel: Kernel, packages: DebianPackages): Promise<KernelImage> {
  const folder = await cached(`kernel-${kernel.name}`, MODULES, (draft) =>
    fetchKernel(kernel, packages, draft),
  );
  return { image: join(folder, 'vmlinuz'), modules: join(folder, 'modules.cpio') };
}

async function fetchKernel(
  { version, architecture }: Kernel,
  packages: DebianPackages,
  into: string,
): Promise<void> {
  const pattern = `^linux-image-${version.replaceAll('.', '\\.')}\\.[0-9.]+[-+0-9a-z]*cloud-${architecture}$`;
  const unpacked = join(into, 'package');
  await packages.unpack([await packages.newest(pattern)], unpacked);
  const boot = await readdir(join(unpacked, 'boot'));
  const image = boot.find((file) => file.startsWith('vmlinuz-'));
  if (image === undefined) throw new Error(`could not find an image in the package of kernel ${version}`);
  await cp(join(unpacked, 'boot', image), join(into, 'vmlinuz'));
  await pickModules(unpacked, image.slice('vmlinuz-'.length), join(into, 'picked'));
  await packInitramfs(join(into, 'picked'), join(into, 'modules.cpio'));
  for (const rest of ['package', 'picked']) await runCommand('clean up', ['rm', '-r', join(into, rest)]);
}

/** Puts the modules into `modules/`, and their order into `modules/order`. */
async function pickModules(root: string, release: string, into: string): Promise<void> {
  const to = join(into, 'modules');
  await mkdir(to, { recursive: true });
  await runCommand('list the kernel’s modules', ['/sbin/depmod', '-b', root, release]);
  const files = new Set<string>();
  for (const module of MODULES) {
    const command = ['/sbin/modprobe', '-S', release, '-d', root, '--show-depends', module] as const;
    const needed = await runCommand(`find the kernel's module ${module}`, command);
    for (const [, file = ''] of needed.matchAll(/^insmod (\S+)/gm)) files.add(file);
  }
  for (const file of files) {
    await cp(file, join(to, basename(file)));
    if (file.endsWith('.xz')) await runCommand('unpack a module', ['xz', '-d', join(to, basename(file))]);
  }
  const order = Array.from(files, (file) => basename(file, '.xz'));
  await writeFile(join(to, 'order'), order.map((file) => `${file}\n`).join(''));
}
