/** The programs of a virtual machine: Debian's, and Node.js from npm. They are the same for every kernel of a processor. */
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from './cache.js';
import type { DebianPackages } from './debian-packages.js';
import { packInitramfs } from './initramfs.js';
import type { Architecture } from './kernels.js';
import { runCommand } from './run-command.js';
import { orUnavailable } from './unavailable.js';

const PACKAGES = ['busybox-static', 'iproute2', 'iptables', 'libstdc++6', 'libatomic1', 'zlib1g'] as const;
/** What nobody runs or reads there. */
const SUPERFLUOUS = ['usr/share', 'usr/lib/apt', 'var'] as const;
const NODE_PROCESSORS: Readonly<Record<Architecture, string>> = { amd64: 'x64', arm64: 'arm64' };
const NODE_MAJOR = process.versions.node.split('.')[0] ?? '';

/** Part of an initramfs. */
export async function userland(packages: DebianPackages): Promise<string> {
  const { architecture } = packages;
  const folder = await cached(`userland-${architecture}`, [...PACKAGES, NODE_MAJOR], async (draft) => {
    const root = join(draft, 'root');
    await mkdir(root);
    await packages.unpackWithDependencies(PACKAGES, root);
    for (const path of SUPERFLUOUS) await rm(join(root, path), { recursive: true, force: true });
    await addNode(architecture, draft, root);
    await packInitramfs(root, join(draft, 'userland.cpio'));
    await rm(root, { recursive: true });
  });
  return join(folder, 'userland.cpio');
}

async function addNode(architecture: Architecture, draft: string, root: string): Promise<void> {
  const name = `node-linux-${NODE_PROCESSORS[architecture]}`;
  const attempt = `get Node.js ${NODE_MAJOR} for ${architecture} from npm (${name})`;
  const packed = await orUnavailable(
    runCommand(attempt, ['npm', 'pack', '--silent', `${name}@${NODE_MAJOR}`], {
      cwd: draft,
    }),
  );
  const archive = join(draft, packed.trim());
  await runCommand('unpack Node.js', ['tar', '-xzf', archive, '-C', draft, 'package/bin/node']);
  await cp(join(draft, 'package/bin/node'), join(root, 'usr/bin/node'));
  for (const rest of ['package', packed.trim()]) await rm(join(draft, rest), { recursive: true });
}
